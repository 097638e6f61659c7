// How a person looks.

// isolated is a name, or a text, whose direction leaves that of the sentence in
// which it stands as it is.
export const isolated = text => `\u2068${text}\u2069`;

export function paint(avatar, { id, name }) {
	avatar.textContent = [...name][0]?.toUpperCase() ?? "?";
	avatar.style.setProperty("--hue", (Number(id) * 137 + 220) % 360);
}
