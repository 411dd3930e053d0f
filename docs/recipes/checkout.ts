// A storefront's checkout: quote, hold, payment, commit, purchase. It runs on Node.js without a library.
//
//   openapi-typescript loyalty.json -o loyalty.d.ts && openapi-typescript profile.json -o profile.d.ts
//   tsc --strict --target es2022 --module es2022 --moduleResolution bundler checkout.ts
//   node checkout.js LOYALTY PROFILE CUSTOMER ORDER_ID < token
//
// A package.json beside it says "type": "module". The OpenAPI documents are in docs/openapi.
import type { components as LoyaltySchemas } from "./loyalty";
import type { components as ProfileSchemas } from "./profile";

type Loyalty = LoyaltySchemas["schemas"];
type Purchase = ProfileSchemas["schemas"]["PurchaseRequest"];

declare const process: { argv: string[]; exitCode?: number; stdin: AsyncIterable<string | Uint8Array> };

const CART: Loyalty["QuoteRequest"]["lines"] = [{ sku: "TEA-1", quantity: 2, amount_minor: 5600, category: "tea" }];
const TRIES_MAX = 4;
const PAUSE_SECONDS = 0.5;
const SECONDS_MAX = 10;

/** The service refused; `problem` says why and what to do, in the reader's language. */
class Refused extends Error {
  constructor(readonly problem: Loyalty["Problem"]) {
    super(problem.detail);
  }
}

/** One service of the product, as one caller. */
class Service {
  constructor(private readonly address: string, private readonly token: string) {}

  /** Returns the answer. A lost one is asked for again a few times: quotes, commits and cancellations may be repeated, all else has a key. */
  async call<Answer>(method: "GET" | "POST", path: string, body?: unknown, key?: string): Promise<Answer> {
    const headers: Record<string, string> = { Authorization: `Bearer ${this.token}`, "Content-Type": "application/json" };
    if (key) headers["Idempotency-Key"] = key;
    for (let left = TRIES_MAX - 1; ; left--) {
      let answer: Response;
      try {
        answer = await fetch(this.address + path, {
          method,
          headers,
          body: body === undefined ? null : JSON.stringify(body),
          signal: AbortSignal.timeout(SECONDS_MAX * 1000),
        });
      } catch (error) { // no answer: it may have been done
        if (left === 0) throw error;
        await pause(PAUSE_SECONDS);
        continue;
      }
      if (answer.ok) return (await answer.json()) as Answer;
      const problem = (await answer.json()) as Loyalty["Problem"];
      const again = answer.status === 429 || answer.status === 503 || problem.code === "request_in_progress";
      if (left === 0 || !again) throw new Refused(problem);
      await pause(Number(answer.headers.get("Retry-After") ?? PAUSE_SECONDS));
    }
  }
}

function pause(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}

/** Returns the hold that promises what the customer has seen. */
async function hold(loyalty: Service, cart: Loyalty["QuoteRequest"], cartId: string): Promise<Loyalty["Hold"]> {
  for (let attempt = 0; attempt < TRIES_MAX; attempt++) {
    const quote = await loyalty.call<Loyalty["Quote"]>("POST", "/v1/quotes", cart);
    // Here a shop shows the quote: quote.lines, quote.discounts, quote.points.pays, quote.earns.
    const promised = { ...cart, points: quote.points.pays, quote_hash: quote.hash };
    try {
      return await loyalty.call<Loyalty["Hold"]>("POST", "/v1/holds", promised, `${cartId}-${attempt}`);
    } catch (error) {
      if (!(error instanceof Refused && ["quote_changed", "insufficient_points"].includes(error.problem.code))) throw error;
    }
  }
  throw new Error("The cart changes faster than it can be held. Try again later.");
}

/** Here a shop takes the money that is due: what the cart costs, less what the points are worth. */
async function takeMoney(held: Loyalty["Hold"]): Promise<void> {
  const due = held.payable_minor - (held.worth_minor ?? 0);
  console.error(`${due} ${held.currency} minor units are due`);
}

async function main(loyaltyAddress: string, profileAddress: string, customer: string, orderId: string): Promise<void> {
  let token = "";
  for await (const piece of process.stdin) token += piece;
  const loyalty = new Service(loyaltyAddress, token.trim());
  const profile = new Service(profileAddress, token.trim());

  const held = await hold(loyalty, { customer_id: customer, currency: "CNY", points: 100, shipping_minor: 0, lines: CART }, crypto.randomUUID());
  try {
    await takeMoney(held);
  } catch (error) {
    await loyalty.call("POST", `/v1/holds/${held.id}/cancel`);
    throw error;
  }
  const order = { source: "web", order_id: orderId };
  await loyalty.call("POST", `/v1/holds/${held.id}/commit`, { order });

  const paid = await loyalty.call<Loyalty["HoldWithLines"]>("GET", `/v1/holds/${held.id}`);
  const purchase: Purchase = {
    ...order,
    purchased_at: new Date().toISOString(),
    customer: { id: paid.customer_id },
    currency: paid.currency,
    lines: (paid.order?.lines ?? []).map((line) => ({ ...CART[line.line - 1]!, quantity: line.quantity, amount_minor: line.net_minor })),
  };
  await profile.call("POST", "/v1/purchases", purchase, `order-${orderId}`);
  console.log(JSON.stringify({ hold: paid.id, state: paid.state, redeemed: paid.redeemed }));
}

const [loyaltyAddress, profileAddress, customer, orderId] = process.argv.slice(2);
if (!loyaltyAddress || !profileAddress || !customer || !orderId) throw new Error("checkout.js LOYALTY PROFILE CUSTOMER ORDER_ID");
await main(loyaltyAddress, profileAddress, customer, orderId);
