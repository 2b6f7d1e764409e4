// What makes the pages live. Everything here is an addition: without it the same
// pages work by links and forms. The server renders all of a page; this fetches it
// anew when something has changed, and takes over only what differs.
"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  const main = document.getElementById("content");
  const words = document.getElementById("words")?.dataset ?? {};
  const stored = { // a browser may forbid to store anything
    get(key) { try { return localStorage.getItem(key); } catch { return null; } },
    set(key, value) { try { localStorage.setItem(key, value); } catch { /* then it is for this page only */ } },
  };

  // ── taking over what differs ──────────────────────────────────────────────

  // morph makes old like fresh and keeps what a person is doing there: the focus,
  // open menus, what is half typed.
  function morph(old, fresh) {
    if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName) {
      old.replaceWith(fresh);
      return;
    }
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
      return;
    }
    if (old.isEqualNode(fresh) || old.hasAttribute("data-keep")) return;
    for (const { name } of [...old.attributes]) {
      if (!fresh.hasAttribute(name) && name !== "open") old.removeAttribute(name);
    }
    for (const { name, value } of fresh.attributes) {
      if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
    if (old.matches("textarea, select") && old.contains(document.activeElement)) return;
    morphChildren(old, fresh);
  }

  const keyOf = (node) => node.nodeType === Node.ELEMENT_NODE ? node.id || node.dataset.key || "" : "";

  function morphChildren(old, fresh) {
    const keyed = new Map();
    for (const child of old.children) {
      if (keyOf(child) && !child.classList.contains("gone")) keyed.set(keyOf(child), child);
    }
    let at = old.firstChild;
    for (const next of [...fresh.childNodes]) {
      while (at && at.nodeType === Node.ELEMENT_NODE && at.classList.contains("gone")) at = at.nextSibling;
      const key = keyOf(next);
      if (key && keyed.has(key)) {
        const known = keyed.get(key);
        keyed.delete(key);
        if (known === at) at = at.nextSibling;
        else old.insertBefore(known, at);
        morph(known, next);
      } else if (at && !key && !keyOf(at) && at.nodeName === next.nodeName) {
        const same = at;
        at = at.nextSibling;
        morph(same, next);
      } else {
        old.insertBefore(next, at);
        if (key && next.matches("li")) next.classList.add("fresh");
      }
    }
    while (at) {
      const rest = at;
      at = at.nextSibling;
      if (!keyOf(rest) && !rest.classList?.contains("gone")) rest.remove();
    }
    for (const left of keyed.values()) leave(left);
  }

  // leave takes a row away: slowly, so that nobody clicks what has slipped under
  // their finger, and the focus goes to its neighbour.
  function leave(row) {
    if (row.contains(document.activeElement)) rowAfter(row)?.querySelector("a, button")?.focus();
    if (!row.matches("li")) return row.remove();
    row.classList.add("gone");
    row.inert = true;
    setTimeout(() => row.remove(), 500);
  }

  const rowAfter = (row) => row.nextElementSibling ?? row.previousElementSibling;

  // take shows another state of this page.
  function take(html) {
    const fresh = new DOMParser().parseFromString(html, "text/html");
    const content = fresh.getElementById("content");
    if (!content) return false;
    const before = new Set([...main.querySelectorAll("li[data-key]")].map(keyOf));
    morphChildren(main, content);
    for (const part of ["header.bar nav", "footer"]) {
      const old = document.querySelector(part), next = fresh.querySelector(part);
      if (old && next) morph(old, next);
    }
    document.title = fresh.title;
    announce([...main.querySelectorAll("li[data-key]:not(.gone)")].filter((li) => !before.has(keyOf(li))));
    return true;
  }

  // announce says that there are new rows where they are not in sight.
  let pill;
  function announce(rows) {
    const hidden = rows.filter((li) => { const r = li.getBoundingClientRect(); return r.bottom < 0 || r.top > innerHeight; });
    if (hidden.length === 0) return;
    pill?.remove();
    const text = hidden[0].closest("[data-new]")?.dataset.new;
    if (!text) return;
    pill = document.createElement("button");
    pill.className = "pill";
    pill.textContent = text.replace("0", hidden.length);
    pill.addEventListener("click", () => { hidden[0].scrollIntoView({ block: "center", behavior: "smooth" }); pill.remove(); });
    document.body.append(pill);
    addEventListener("scroll", () => { if (hidden.some((li) => { const r = li.getBoundingClientRect(); return r.top >= 0 && r.bottom <= innerHeight; })) pill.remove(); }, { passive: true });
  }

  // refresh asks for the page again; of several wishes at once one is carried out.
  let asking = false, again = false;
  async function refresh() {
    if (asking) { again = true; return; }
    asking = true;
    try {
      const answer = await fetch(location.href, { headers: { "X-Live": "1" }, cache: "no-store" });
      if (answer.redirected && new URL(answer.url).pathname !== location.pathname) loggedOut();
      else if (answer.ok) take(await answer.text());
    } catch { /* the stream says when the server is back */ } finally {
      asking = false;
      if (again) { again = false; setTimeout(refresh, 250); }
    }
  }

  // loggedOut leads to the login, unless something is half written: who sends that
  // is led there with it.
  function loggedOut() {
    if ([...main.querySelectorAll("textarea, input:not([type=hidden])")].some((field) => field.value !== field.defaultValue)) say(words.over);
    else location.reload();
  }

  // ── forms that come back to the page they stand on ────────────────────────

  addEventListener("submit", async (event) => {
    const form = event.target, by = event.submitter;
    if (event.defaultPrevented || !form.matches("[data-stay]")) return;
    event.preventDefault();
    const body = new URLSearchParams(new FormData(form, by));
    form.querySelector(".error[data-made]")?.remove();
    for (const button of form.querySelectorAll("button")) button.disabled = true;
    try {
      const answer = await fetch(form.action, { method: "POST", body, headers: { Accept: "text/html" } });
      if (answer.status === 401 || answer.status === 403) { // the page is too old: what it says instead keeps what was written
        for (const button of form.querySelectorAll("button")) button.disabled = false;
        delete form.dataset.stay;
        return form.requestSubmit(by);
      }
      const html = await answer.text();
      if (!answer.ok) return complain(form, new DOMParser().parseFromString(html, "text/html").querySelector("main .error, main .said, main .alone p")?.textContent || html.slice(0, 200));
      if (new URL(answer.url).pathname !== location.pathname) return location.assign(answer.url);
      form.reset();
      for (const menu of document.querySelectorAll("main details.menu[open]")) menu.open = false;
      history.replaceState(null, "", answer.url);
      take(html);
      watchCall();
    } catch {
      complain(form, words.failed);
    } finally {
      for (const button of form.querySelectorAll("button")) button.disabled = false;
    }
  });

  // complain says beside the form what is wrong with it; nothing typed is lost.
  function complain(form, text) {
    const line = document.createElement("p");
    line.className = "error";
    line.dataset.made = "";
    line.setAttribute("role", "alert");
    line.textContent = text;
    form.append(line);
    refresh();
  }

  // ── live ──────────────────────────────────────────────────────────────────

  const lost = document.getElementById("lost");
  const say = (text) => { if (lost) { lost.hidden = !text; if (text) lost.textContent = text; } };
  let source, wait = 1000, timer, quiet, paused = false, seen = root.dataset.mark;

  function listen() {
    clearTimeout(timer);
    source?.close();
    source = new EventSource("/live" + (alerting() ? "?alerts=1" : ""));
    source.addEventListener("hello", (event) => {
      wait = 1000;
      clearTimeout(timer);
      say("");
      if (event.data !== seen) { seen = event.data; refresh(); }
    });
    source.addEventListener("changed", (event) => { seen = JSON.parse(event.data).mark; refresh(); });
    source.addEventListener("alert", (event) => ring(JSON.parse(event.data)));
    source.addEventListener("enough", () => { paused = true; source.close(); clearTimeout(quiet); say(words.paused); });
    for (const kind of ["hello", "changed", "alert", "beat"]) source.addEventListener(kind, heard);
    source.addEventListener("error", retry);
    heard();
  }

  function heard() {
    clearTimeout(quiet);
    quiet = setTimeout(retry, 50000); // a beat comes every 20 seconds
  }

  function retry() {
    if (paused) return;
    source.close();
    clearTimeout(quiet);
    clearTimeout(timer);
    if (wait > 1000) say(words.lost);
    timer = setTimeout(listen, wait * (0.75 + Math.random() / 2));
    wait = Math.min(wait * 2, 30000);
  }

  // ── sound and notifications ───────────────────────────────────────────────

  const alerting = () => stored.get("alerts") === "on";
  const bell = document.getElementById("alerts");
  function showBell(denied) {
    if (!bell) return;
    bell.setAttribute("aria-pressed", String(alerting()));
    bell.querySelector("small").textContent = denied ? bell.dataset.denied : alerting() ? bell.dataset.saidOn : bell.dataset.saidOff;
  }
  bell?.addEventListener("click", async () => {
    let denied = false;
    if (!alerting() && "Notification" in window) denied = await Notification.requestPermission() === "denied";
    stored.set("alerts", alerting() ? "off" : "on");
    showBell(denied);
    if (alerting()) chime();
    if (source) { wait = 1000; listen(); }
  });
  showBell(false);

  // chime plays two notes, which need no file, and says whether they can be heard: a
  // page on which nobody has pressed anything yet is kept silent by browsers.
  async function chime() {
    try {
      const audio = new AudioContext();
      [660, 880].forEach((pitch, i) => {
        const tone = audio.createOscillator(), loud = audio.createGain(), at = audio.currentTime + i * 0.18;
        tone.frequency.value = pitch;
        loud.gain.setValueAtTime(0.0001, at);
        loud.gain.exponentialRampToValueAtTime(0.2, at + 0.02);
        loud.gain.exponentialRampToValueAtTime(0.0001, at + 0.3);
        tone.connect(loud).connect(audio.destination);
        tone.start(at);
        tone.stop(at + 0.32);
      });
      setTimeout(() => audio.close(), 1000);
      await Promise.race([audio.resume(), new Promise((over) => setTimeout(over, 300))]);
      return audio.state === "running";
    } catch { return false; } // a browser without sound
  }

  // notify shows a notification of the system, and says whether it could: browsers
  // of telephones have the word for it, and throw.
  function notify(alert) {
    if (!("Notification" in window) || Notification.permission !== "granted") return false;
    try {
      const note = new Notification(alert.title, { body: alert.body, tag: alert.tag });
      note.addEventListener("click", () => { focus(); if (alert.path?.startsWith("/")) location.assign(alert.path); note.close(); });
      return true;
    } catch { return false; }
  }

  // banner shows an alert on the page itself, until somebody presses it, and says
  // whether the page is in sight.
  let banners;
  function banner(alert) {
    if (!banners) {
      banners = document.createElement("div");
      banners.className = "aloud";
      banners.setAttribute("role", "alert");
      document.body.append(banners);
    }
    const link = document.createElement("a"), title = document.createElement("b");
    link.href = alert.path?.startsWith("/") ? alert.path : "/";
    link.dataset.tag = alert.tag;
    title.textContent = alert.title;
    link.append(title, " ", alert.body);
    link.addEventListener("click", () => link.remove());
    for (const old of [...banners.children]) if (alert.tag && old.dataset.tag === alert.tag) old.remove();
    banners.prepend(link);
    while (banners.children.length > 3) banners.lastChild.remove();
    try { navigator.vibrate?.([200, 100, 200]); } catch { /* nobody has touched the page yet */ }
    return !document.hidden;
  }

  // ring says an alert aloud, and tells the server once it can be seen or heard.
  async function ring(alert) {
    if (!alerting()) return;
    const heard = chime();
    if (!(notify(alert) || banner(alert) || await heard)) return;
    const csrf = document.querySelector("input[name=csrf]")?.value ?? "";
    fetch("/live", { method: "POST", body: new URLSearchParams({ csrf, alert: alert.id }) }).catch(() => { /* then another channel tells it too */ });
  }

  // ── the progress of a call ────────────────────────────────────────────────

  let watching;
  function watchCall() {
    clearTimeout(watching);
    if (document.querySelector(".progress.live")) watching = setTimeout(async () => { await refresh(); watchCall(); }, 700);
  }

  // ── search as one types ───────────────────────────────────────────────────

  const typed = document.querySelector("form[data-typed]");
  let typing;
  typed?.addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(() => {
      const where = new URL(typed.action || location.href);
      where.search = new URLSearchParams(new FormData(typed));
      history.replaceState(null, "", where);
      refresh();
    }, 180);
  });

  // ── the keyboard ──────────────────────────────────────────────────────────

  const rows = () => [...main.querySelectorAll("[data-row]:not(.gone)")];
  function step(by) {
    const all = rows(), here = all.findIndex((row) => row.contains(document.activeElement));
    const next = all[here < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(here + by, 0), all.length - 1)];
    const link = next?.querySelector("a.name, a, button");
    link?.focus();
    next?.scrollIntoView({ block: "nearest" });
  }
  const inRow = (what) => {
    const row = document.activeElement?.closest("[data-row]") ?? (main.querySelector(".card") ? main : null);
    const button = row?.querySelector(`[data-deed=${what}]`);
    button?.click();
    return !!button;
  };
  const keys = document.getElementById("keys");
  const deeds = {
    j: () => step(1), k: () => step(-1), c: () => inRow("call"), t: () => inRow("take"),
    "/": () => { const field = main.querySelector("input[type=search]"); if (field) field.focus(); else location.assign("/search"); },
    "?": () => keys?.showModal(),
  };
  addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      for (const menu of document.querySelectorAll("details.menu[open]")) { menu.open = false; menu.querySelector("summary").focus(); }
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.("input, textarea, select, dialog") || !deeds[event.key]) return;
    event.preventDefault();
    deeds[event.key]();
  });
  document.getElementById("help")?.addEventListener("click", () => keys?.showModal());
  addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
  });

  // Filters are folded on a telephone, where they would take the place of the rows.
  if (matchMedia("(min-width: 46.01rem)").matches) for (const fold of document.querySelectorAll(".filtering")) fold.open = true;

  // ── and so it begins ──────────────────────────────────────────────────────

  addEventListener("visibilitychange", () => {
    if (document.hidden) return;
    if (paused) { paused = false; listen(); }
    refresh();
  });
  if (document.querySelector("header.bar nav") && seen !== undefined) {
    listen();
    setInterval(() => { if (!document.hidden) refresh(); }, 60000); // how long ago it was goes on
  }
  watchCall();
  const aim = document.getElementById(location.hash.slice(1)); // none has the empty id
  const fold = aim?.closest("details");
  if (fold) fold.open = true;
  aim?.querySelector("input, textarea, select")?.focus();
})();
