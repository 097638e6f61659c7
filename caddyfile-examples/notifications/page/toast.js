import { $, face } from "./dom.js";

// toast says something in passing. Screen readers say it, too.
export function toast(text, { by, bad = false } = {}) {
	const item = document.createElement("li");
	item.classList.toggle("bad", bad);
	if (by) {
		const avatar = face(document.createElement("span"), by);
		avatar.className = "avatar";
		avatar.ariaHidden = true;
		item.append(avatar);
	}
	const words = document.createElement("span");
	words.textContent = text;
	item.append(words);
	$("toasts").append(item);
	if ($("toasts").childElementCount > 3) $("toasts").firstElementChild.remove();
	setTimeout(() => item.remove(), 6000);
}

// trouble says why something was not done.
export function trouble(error) {
	const why = error.name === "TimeoutError" ? noAnswer() : error instanceof TypeError ? "there is no connection" : error.message;
	toast(`That did not work: ${why}.`, { bad: true });
}

// noAnswer says why there may be none: the tabs of a site share a browser's
// connections, and an EventSource keeps one.
export function noAnswer() {
	const crowded = performance.getEntriesByType("navigation")[0]?.nextHopProtocol === "http/1.1";
	return `there is no answer${crowded ? ". Over HTTP/1.1 a browser has six connections to a site, and each tab keeps one: close some tabs" : ""}`;
}
