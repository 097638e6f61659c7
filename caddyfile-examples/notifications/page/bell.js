// The bell: its badge, and the list that it opens. What is known comes from the
// database and from events, in any order: a notification that was read once
// stays read, and one that is known already is not told again.
import { $, face, fill, isolated, place } from "./dom.js";
import { api, until } from "./api.js";
import { toast, trouble } from "./toast.js";
import { visit } from "./feed.js";

const keep = 100; // as the app does
const known = new Map(), wasRead = new Set(), items = new Map(); // by ID

const did = { like: "liked your post", comment: "commented on your post" };

// load takes in all that the database has: whatever was missed is in it.
export async function loadNotifications() {
	const list = await until(() => api("GET", "/api/notifications"));
	for (const notification of list) take(notification);
	show();
}

// hear takes in one that comes live. Of many at once the last ones are told.
const heard = [];
export function hear(notification) {
	if (known.has(notification.id)) return;
	take(notification);
	if (heard.push(notification) === 1) setTimeout(tell, 50);
}

function tell() {
	show();
	for (const { actor, kind } of heard.splice(0).slice(-3))
		toast(`${isolated(actor.name || "Somebody")} ${did[kind]}`, { by: actor });
	$("bell").classList.remove("rings");
	void $("bell").offsetWidth; // so that it rings again
	$("bell").classList.add("rings");
}

// hearRead takes in what was read in any tab.
export function hearRead(ids) {
	for (const id of ids) wasRead.add(id);
	show();
}

function take(notification) {
	known.set(notification.id, notification);
	if (notification.read) wasRead.add(notification.id);
}

async function markRead(ids) {
	if (!ids.length) return;
	hearRead(ids);
	try {
		await api("POST", "/api/notifications/read", { ids });
	} catch (error) {
		for (const id of ids) wasRead.delete(id);
		show();
		trouble(error);
	}
}

const unread = () => [...known.keys()].filter(id => !wasRead.has(id));

function show() {
	const newest = [...known.keys()].sort((a, b) => b - a);
	for (const id of newest.splice(keep)) known.delete(id), items.delete(id);
	place($("notifications"), newest.map(id => {
		if (!items.has(id)) items.set(id, make(known.get(id)));
		const item = items.get(id);
		item.firstElementChild.classList.toggle("is-unread", !wasRead.has(id));
		item.querySelector("time").textContent = ago(new Date(known.get(id).time));
		return item;
	}));
	const count = unread().length;
	$("badge").textContent = count > 99 ? "99+" : count;
	$("badge").hidden = $("read-all").hidden = !count;
	$("bell").ariaLabel = count ? `Notifications, ${count} unread` : "Notifications";
	document.title = `${count ? `(${count}) ` : ""}Greenhouse · caddy-sse`;
}

function make(notification) {
	const { id, kind, actor, post, text, time } = notification;
	const item = fill("notification", { ".name": actor.name, ".did": did[kind], q: text || post.text });
	face(item.querySelector(".avatar"), actor);
	item.querySelector("time").dateTime = time;
	item.firstElementChild.onclick = () => {
		$("panel").hidePopover();
		visit(notification);
		if (!wasRead.has(id)) markRead([id]);
	};
	return item;
}

function ago(time) {
	const minutes = Math.round((Date.now() - time) / 60_000);
	if (minutes < 1) return "now";
	if (minutes < 60) return `${minutes} min`;
	if (minutes < 24 * 60) return `${Math.round(minutes / 60)} h`;
	return time.toLocaleDateString([], { day: "numeric", month: "short" });
}

$("read-all").onclick = () => {
	$("bell").focus(); // the button goes away
	markRead(unread());
};
setInterval(show, 60_000);
