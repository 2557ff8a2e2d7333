// A passkey is made, or signs in: what a browser has to be asked by a script. The forms are the server's; without this they are not shown.
for (const form of document.querySelectorAll("form[data-passkey]")) {
  if (!window.PublicKeyCredential?.parseCreationOptionsFromJSON || !window.isSecureContext) continue;
  form.parentElement.hidden = false;
  const says = form.querySelector("[role=alert]");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const options = JSON.parse(form.dataset.passkey);
    try {
      const credential = "makes" in form.dataset
        ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) })
        : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
      form.elements.credential.value = JSON.stringify(credential.toJSON());
      form.submit();
    } catch (problem) {
      says.textContent = problem.name === "NotAllowedError" ? "Nothing was chosen." : problem.message;
      says.hidden = false;
    }
  });
}
