"use strict";
// Pointing at a packet, or going to it by the keyboard, shows it below its diagram. All that is shown stands in the page
// already: this only chooses. Each diagram is one stop of the Tab key, and the arrow keys move in it.
for (const section of document.querySelectorAll("section.capture")) {
  const links = [...section.querySelectorAll("a.packet")];
  const inspector = section.querySelector(".inspector");
  if (links.length === 0 || !inspector) continue;
  let shown = null;
  let held = false;

  const article = (link) => document.getElementById(link.getAttribute("href").slice(1));

  const show = (link) => {
    if (shown) {
      shown.classList.remove("shown", "held");
      article(shown).classList.remove("shown");
      shown.setAttribute("tabindex", "-1");
    }
    shown = link;
    link.classList.add("shown");
    link.setAttribute("tabindex", "0");
    article(link).classList.add("shown");
    inspector.scrollTop = 0;
  };

  const hold = (link) => {
    held = true;
    show(link);
    link.classList.add("held");
  };

  const close = () => {
    held = false;
    if (!shown) return;
    shown.classList.remove("shown", "held");
    article(shown).classList.remove("shown");
    shown = null;
  };

  const letGo = () => {
    held = false;
    if (shown) shown.classList.remove("held");
  };

  const steps = {
    ArrowDown: (at) => at + 1,
    ArrowRight: (at) => at + 1,
    ArrowUp: (at) => at - 1,
    ArrowLeft: (at) => at - 1,
    PageDown: (at) => at + 10,
    PageUp: (at) => at - 10,
    Home: () => 0,
    End: () => links.length - 1,
  };

  inspector.classList.add("live");
  const button = inspector.querySelector(".close");
  button.hidden = false;
  button.addEventListener("click", () => {
    const link = shown;
    close();
    // The keyboard is back in the diagram, which would show the packet again.
    if (link) link.focus({ preventScroll: true });
    close();
  });
  links.forEach((link, index) => link.setAttribute("tabindex", index === 0 ? "0" : "-1"));

  section.addEventListener("mouseover", (event) => {
    const link = event.target.closest("a.packet");
    if (link && !held && link !== shown) show(link);
  });

  section.addEventListener("focusin", (event) => {
    const link = event.target.closest("a.packet");
    if (link && link !== shown) {
      letGo();
      show(link);
    }
  });

  section.addEventListener("click", (event) => {
    const link = event.target.closest("a.packet, a.to-packet");
    if (!link) return;
    event.preventDefault();
    const target = link.classList.contains("to-packet")
      ? links.find((other) => other.getAttribute("href") === link.getAttribute("href"))
      : link;
    hold(target);
    if (target !== link) {
      target.focus({ preventScroll: true });
      target.scrollIntoView({ block: "center" });
    }
  });

  section.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const link = event.target.closest("a.packet");
    if (event.key === "Escape") {
      letGo();
      if (event.target.closest(".inspector") && shown) shown.focus();
      return;
    }
    if (event.key === "Enter" && link) {
      // It goes to the bytes, so that they can be scrolled.
      event.preventDefault();
      hold(link);
      article(link).focus({ preventScroll: true });
      return;
    }
    const step = link && steps[event.key];
    if (!step) return;
    event.preventDefault();
    const next = step(links.indexOf(link));
    links[Math.min(Math.max(next, 0), links.length - 1)].focus();
  });

  const named = links.find((link) => link.getAttribute("href") === location.hash);
  if (named) hold(named);
}

// On paper nothing can be opened.
addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details")) details.open = true;
});
