// Shows the service's own openapi.json. No validator badge: nothing is asked of another host. A token is kept as long as the
// page is open, and nowhere else.
window.addEventListener("load", () => {
  window.ui = SwaggerUIBundle({
    url: "/openapi.json",
    dom_id: "#swagger-ui",
    deepLinking: true,
    displayRequestDuration: true,
    validatorUrl: null,
  });
});
