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
export const trouble = error =>
	toast(`That did not work: ${error instanceof TypeError ? "there is no connection" : error.message}.`, { bad: true });
