// How a person looks.

export function paint(avatar, { id, name }) {
	avatar.textContent = [...name][0]?.toUpperCase() ?? "?";
	avatar.style.setProperty("--hue", (Number(id) * 137 + 220) % 360);
}
