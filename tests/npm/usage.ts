// Compiled against the types that openapi-typescript makes of the documents; tests/contract/http/test_types.py says how.
import type { components as Loyalty, operations as LoyaltyOperations } from "./loyalty";
import type { components as Profile, paths as ProfilePaths } from "./profile";
import type { components as Feedback } from "./feedback";
import type { components as Scoring } from "./scoring";

type Purchase = ProfilePaths["/v1/purchases"]["post"]["requestBody"]["content"]["application/json"];
type Member = LoyaltyOperations["get_member"]["responses"]["200"]["content"]["application/json"];

export const purchase: Purchase = {
  source: "web",
  order_id: "1001",
  purchased_at: "2026-03-01T09:30:00Z",
  customer: { external_id: "C-1001" },
  currency: "CNY",
  lines: [{ sku: "TEA", quantity: 2, amount_minor: 5600 }],
};

export function active(member: Member): number {
  return member.points.active;
}

export function code(problem: Profile["schemas"]["Problem"] | Loyalty["schemas"]["Problem"]): string {
  return problem.code;
}

export const state: Feedback["schemas"]["Complaint"]["id"] | Scoring["schemas"]["Fit"]["id"] = "cmp_1";

// @ts-expect-error: a quantity is a number
export const wrong: Purchase["lines"][number] = { sku: "TEA", quantity: "2", amount_minor: 5600 };

// @ts-expect-error: a member has no such field
export const unknown = (member: Member) => member.pointz;
