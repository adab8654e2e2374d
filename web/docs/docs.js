/*
 * Fetches the contract with the token of this tab and hands it to Swagger UI. Nothing is fetched from anywhere else, which the
 * page's Content-Security-Policy also sees to. Of the operations only reads can be tried: what changes something is for those
 * who type it themselves.
 */
"use strict";

const KEY = "burstd-token"; // the dashboard's too
const form = document.getElementById("ask");
const field = document.getElementById("token");
const said = document.getElementById("said");

function ask(message) {
  sessionStorage.removeItem(KEY);
  said.textContent = message;
  form.hidden = false;
  field.focus();
}

async function fetchContract(token) {
  const reply = await fetch("openapi.json", { headers: { Authorization: `Bearer ${token}` }, cache: "no-cache" });
  const body = await reply.json();
  if (reply.status === 401) throw new Error("This is no valid token.");
  if (!reply.ok) throw new Error(body.detail);
  return body;
}

/* The least role stands in `security`, which Swagger UI shows by its name only. */
function nameRoles(contract) {
  for (const path of Object.values(contract.paths)) {
    for (const operation of Object.values(path)) {
      if (!operation.operationId) continue;
      const roles = new Set(operation.security.flatMap((scheme) => Object.values(scheme).flat()));
      operation.summary += ` (${roles.size ? [...roles].join(", ") : "open"})`;
    }
  }
}

function show(contract, token) {
  nameRoles(contract);
  contract.servers = [{ url: new URL(".", location.href).href.replace(/\/$/, "") }];
  const ui = SwaggerUIBundle({
    spec: contract,
    domNode: document.getElementById("docs"),
    deepLinking: true,
    defaultModelsExpandDepth: 0,
    displayOperationId: true,
    docExpansion: "list",
    filter: true,
    supportedSubmitMethods: ["get", "head"],
    validatorUrl: null,
    onComplete: () => ui.preauthorizeApiKey("bearer", token),
  });
}

async function open(token) {
  let contract;
  try {
    contract = await fetchContract(token);
  } catch (error) {
    ask(error.message);
    return;
  }
  sessionStorage.setItem(KEY, token);
  form.hidden = true;
  show(contract, token);
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  open(field.value.trim());
});

const kept = sessionStorage.getItem(KEY);
if (kept) open(kept);
else ask("");
