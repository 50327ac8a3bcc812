// Keeps the status page true: asks for it every few seconds and changes in place what has changed, so that scroll,
// selection, focus and what was opened stay. Tells moments in the viewer's zone. Nothing is sent but the question.
"use strict";
(() => {
  const PACE = 5000, LIMIT = 10000, MANY = 10;
  const MINUTE = 60, HOUR = 3600, DAY = 86400;
  const stale = document.getElementById("stale");
  const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium", hourCycle: "h23" });
  const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
  const opened = new WeakSet();
  let ahead = 0, asking = false, answeredAt = Date.now(), words = [];

  const main = () => document.querySelector("main");
  const now = () => Date.now() + ahead;

  function saySeconds(seconds) {
    if (seconds < MINUTE) return `${seconds} s`;
    if (seconds < HOUR) return `${Math.floor(seconds / MINUTE)} min`;
    const hours = Math.floor(seconds / HOUR), minutes = Math.floor((seconds % HOUR) / MINUTE);
    if (hours < 10) return minutes ? `${hours} h ${minutes} min` : `${hours} h`;
    return seconds < 2 * DAY ? `${hours} h` : `${Math.floor(seconds / DAY)} days`;
  }

  function sayDistance(at) {
    const seconds = Math.round((at - now()) / 1000);
    const said = saySeconds(Math.abs(seconds));
    return seconds > 0 ? `in ${said}` : seconds < 0 ? `${said} ago` : "now";
  }

  function sayMoment(at) {
    const today = at.toDateString() === new Date(now()).toDateString();
    return `${today ? "" : `${at.getDate()} ${months[at.getMonth()]} `}${clock.format(at)}`;
  }

  function tellTimes(root, anew) {
    for (const time of root.querySelectorAll("time")) {
      const at = new Date(time.dateTime);
      const said = time.classList.contains("at") ? sayMoment(at) : sayDistance(at);
      if (time.textContent !== said) time.textContent = said;
      if (anew) time.title = `${exact.format(at)} (${time.dateTime.replace("T", " ").replace("Z", " UTC")})`;
    }
  }

  // What a page gets that only makes sense with a script.
  function equip(root) {
    tellTimes(root, true);
    root.querySelector(".zone").textContent = Intl.DateTimeFormat().resolvedOptions().timeZone || "your zone";
    for (const command of root.querySelectorAll(".cmd")) {
      const button = root.ownerDocument.createElement("button");
      button.type = "button";
      button.textContent = "Copy";
      button.setAttribute("aria-label", `Copy: ${command.textContent}`);
      command.after(button);
    }
  }

  function morph(old, fresh) {
    if (old.isEqualNode(fresh) || (old.dataset && "own" in old.dataset)) return;
    if (old.nodeName !== fresh.nodeName) return void old.replaceWith(fresh);
    if (old.nodeType !== Node.ELEMENT_NODE) return void (old.data = fresh.data);
    if (fresh.open && fresh.className !== old.className) { // a system that has come into trouble
      old.open = true;
      opened.delete(old);
    }
    for (const { name } of [...old.attributes])
      if (!fresh.hasAttribute(name) && name !== "open" && name !== "hidden") old.removeAttribute(name);
    for (const { name, value } of fresh.attributes)
      if (old.getAttribute(name) !== value && name !== "open") old.setAttribute(name, value);
    morphChildren(old, fresh);
  }

  function morphChildren(old, fresh) {
    const known = new Map([...old.children].filter((each) => each.id).map((each) => [each.id, each]));
    let at = old.firstChild;
    for (const next of [...fresh.childNodes]) {
      const same = next.id ? known.get(next.id) : at && !at.id && at.nodeName === next.nodeName ? at : null;
      if (!same) {
        old.insertBefore(next, at);
        continue;
      }
      if (same === at) at = at.nextSibling;
      else old.insertBefore(same, at);
      morph(same, next);
    }
    while (at) {
      const rest = at;
      at = at.nextSibling;
      rest.remove();
    }
  }

  function show(fresh) {
    const focused = document.activeElement;
    morph(main(), fresh.querySelector("main"));
    if (focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true });
    document.title = fresh.title;
    const icon = fresh.querySelector("link[rel=icon]").getAttribute("href");
    const link = document.querySelector("link[rel=icon]");
    if (link.getAttribute("href") !== icon) link.setAttribute("href", icon);
    filter();
  }

  async function ask() {
    if (asking || document.hidden) return;
    asking = true;
    try {
      const options = { cache: "no-store", redirect: "error", signal: AbortSignal.timeout(LIMIT) };
      const answer = await fetch(location.pathname, options);
      if (answer.status === 401) return complain("The daemon asks for its token again: reload this page.");
      if (!answer.ok) throw new Error(answer.statusText);
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      const style = (page) => page.querySelector("style").textContent;
      if (style(fresh) !== style(document)) return location.reload();
      answeredAt = Date.now();
      ahead = new Date(fresh.querySelector("main").dataset.now) - answeredAt;
      equip(fresh.querySelector("main"));
      show(fresh);
      complain("");
    } catch {
      const since = saySeconds(Math.round((Date.now() - answeredAt) / 1000));
      complain(`The daemon does not answer. What you see is ${since} old.`);
    } finally {
      asking = false;
    }
  }

  function complain(text) {
    document.documentElement.classList.toggle("stale", text !== "");
    if (stale.textContent !== text) stale.textContent = text;
    if (text) document.title = "? no answer · drkit";
  }

  function makeFilter() {
    const place = document.getElementById("filter");
    if (place.firstChild || document.querySelectorAll("tr[id^='s-']").length <= MANY) return;
    const input = document.createElement("input");
    input.type = "search";
    input.placeholder = "Filter sources";
    input.setAttribute("aria-label", "Filter sources by name");
    input.addEventListener("input", () => {
      words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      filter();
    });
    const found = document.createElement("span");
    found.className = "soft";
    found.setAttribute("role", "status");
    place.append(input, found);
  }

  function filter() {
    makeFilter();
    let all = 0, left = 0;
    for (const system of document.querySelectorAll(".system")) {
      let here = 0;
      for (const row of system.querySelectorAll("tr[id^='s-']")) {
        const name = `${row.id.slice(2)} ${row.querySelector("small")?.textContent ?? ""}`.toLowerCase();
        row.hidden = !words.every((word) => name.includes(word));
        here += row.hidden ? 0 : 1;
        all += 1;
      }
      system.hidden = words.length > 0 && here === 0;
      left += here;
      unfold(system.querySelector("details:has(> table)"));
    }
    const told = document.querySelector("#filter [role=status]");
    const said = words.length ? `${left} of ${all} sources` : "";
    if (told && told.textContent !== said) told.textContent = said;
  }

  function unfold(fold) {
    if (!fold) return;
    if (words.length && !fold.open) {
      fold.open = true;
      opened.add(fold);
    } else if (!words.length && opened.delete(fold)) fold.open = false;
  }

  async function copy(button) {
    const command = button.previousElementSibling;
    try {
      await navigator.clipboard.writeText(command.textContent);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(command); // without https a page may not reach the clipboard
    }
  }

  document.addEventListener("click", (event) => {
    if (event.target.matches(".cmd + button")) copy(event.target);
  });
  document.addEventListener("keydown", (event) => {
    const input = document.querySelector("#filter input");
    if (event.key === "/" && input && event.target !== input) {
      event.preventDefault();
      input.focus();
    }
  });
  document.addEventListener("visibilitychange", ask);
  ahead = new Date(main().dataset.now) - Date.now();
  equip(main());
  filter();
  setInterval(ask, PACE);
  setInterval(() => document.hidden || tellTimes(document, false), 1000);
})();
