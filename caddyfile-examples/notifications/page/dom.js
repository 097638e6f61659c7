// Small helpers for all that is shown.
export const $ = id => document.getElementById(id);

// fill makes an element of a template. Texts are set as texts, never as HTML.
export function fill(template, texts) {
	const element = $(template).content.cloneNode(true).firstElementChild;
	for (const [selector, text] of Object.entries(texts)) element.querySelector(selector).textContent = text;
	return element;
}

// isolated is a name whose direction leaves that of the sentence in which it
// stands as it is.
export const isolated = name => `\u2068${name}\u2069`;

// face gives an avatar its person's letter and colour.
export function face(avatar, { name }) {
	avatar.textContent = [...name][0]?.toUpperCase() ?? "?";
	avatar.style.setProperty("--hue", [...name].reduce((hue, c) => (hue * 147 + c.codePointAt()) % 360, 7));
	return avatar;
}

// place puts elements into a list in order, and moves none that is in its place,
// so that the one with the focus keeps it.
export function place(list, elements) {
	elements.forEach((element, i) => {
		if (list.children[i] !== element) list.insertBefore(element, list.children[i] ?? null);
	});
	while (list.children.length > elements.length) list.lastElementChild.remove();
}
