// Shows the service's own openapi.json. No validator badge: nothing is asked of another host. A token is kept as long as the
// page is open, and nowhere else.

const KEY = "Idempotency-Key";
const FRESH_KEY = "a-new-one-for-each-call";
const LEAVE = {
  en: ` Leave \`${FRESH_KEY}\` and this page sends a random key with each call.`,
  zh: `保留 \`${FRESH_KEY}\`，本页面每次调用都会发送一个随机键。`,
};

// The page shows FRESH_KEY instead of the document's example, and sends a fresh key in its place. So every call is an intent of
// its own, and whoever wants to retry a call writes the key of that call into the field.
const freshKeys = () => ({
  statePlugins: {
    spec: {
      wrapActions: {
        updateJsonSpec: (update) => (document) => update(withFreshKeys(document)),
      },
    },
  },
});

function withFreshKeys(document) {
  for (const operations of Object.values(document.paths ?? {})) {
    for (const { parameters = [] } of Object.values(operations)) {
      for (const parameter of parameters) {
        if (parameter.in === "header" && parameter.name === KEY) {
          parameter.example = FRESH_KEY;
          parameter.description += LEAVE[window.document.documentElement.lang];
        }
      }
    }
  }
  return document;
}

function sendFreshKey(request) {
  if (request.headers?.[KEY] === FRESH_KEY) {
    request.headers[KEY] = randomKey();
  }
  return request;
}

// `crypto.randomUUID` exists only on https and localhost.
function randomKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// A refusal is one line with its codes. Its examples unfold on request.
const foldedRefusals = ({ React }) => ({
  wrapComponents: {
    response: (Response) => (properties) =>
      properties.code >= 400
        ? React.createElement(Refusal, { React, Response, properties })
        : React.createElement(Response, properties),
  },
});

function Refusal({ React, Response, properties }) {
  const [isOpen, setOpen] = React.useState(false);
  const { code, response, className } = properties;
  const codes = response.getIn(["content", "application/problem+json", "examples"])?.keySeq().join(", ");
  const button = React.createElement(
    "button",
    { className: "refusal-fold", "aria-expanded": isOpen, onClick: () => setOpen(!isOpen) },
    `${isOpen ? "▾" : "▸"} ${response.get("description")}`,
  );
  const line = React.createElement(
    "tr",
    { className: `response refusal ${className ?? ""}`, "data-code": code },
    React.createElement("td", { className: "response-col_status" }, code),
    React.createElement("td", { className: "response-col_description", colSpan: 2 }, button, " ", React.createElement("code", null, codes)),
  );
  return React.createElement(React.Fragment, null, line, isOpen && React.createElement(Response, properties));
}

// A link that ends in `#token=…` authorises the page at once. Browsers send nothing behind the `#` to a server, and the token does
// not stay in the address.
function takeToken() {
  const token = new URLSearchParams(window.location.hash.slice(1)).get("token");
  if (token) {
    window.history.replaceState(null, "", window.location.pathname);
  }
  return token;
}

window.addEventListener("load", () => {
  const token = takeToken();
  window.ui = SwaggerUIBundle({
    url: "/openapi.json",
    dom_id: "#swagger-ui",
    deepLinking: true,
    docExpansion: document.getElementById("swagger-ui").dataset.expansion,
    displayRequestDuration: true,
    validatorUrl: null,
    defaultModelsExpandDepth: 0, // the list of schemas is folded: it is longer than all operations together
    requestInterceptor: sendFreshKey,
    plugins: [freshKeys, foldedRefusals],
    onComplete: () => token && window.ui.preauthorizeApiKey("bearer", token),
  });
});
