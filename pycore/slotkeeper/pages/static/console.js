// Every page works without this. It adds buttons that copy, moves the focus to an error, and looks
// again at a job that runs until the reader does something else.
"use strict";

for (const code of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) break;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.textContent = "Copy";
  button.setAttribute("aria-label", `Copy ${code.textContent}`);
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(code.textContent);
    button.textContent = "Copied";
  });
  code.after(button);
}

const errors = document.querySelector(".errors");
if (errors) errors.focus();

const again = document.querySelector("[data-again]");
if (again) {
  const timer = setTimeout(() => location.reload(), 2000);
  document.addEventListener("keydown", () => clearTimeout(timer), { once: true });
}
