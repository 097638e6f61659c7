// The chat: who you are, which room is open, and what comes of each event.

import { Problem, call, noAnswer, roomPath, why } from "./api.js";
import { Live } from "./live.js";
import { Log } from "./log.js";
import { isolated, paint } from "./person.js";
import { Sidebar } from "./sidebar.js";

const $ = id => document.getElementById(id);
let me, room;
let here = new Map(); // who is in the room, by ID
let meanwhile; // who came and went while the app was asked who is here
let unseen = 0; // messages that came while the page was hidden

const log = new Log(message => message.user.id === me.id);
const sidebar = new Sidebar();
const hears = {
	state(is) {
		if ($("state").dataset.is === "waiting") trouble("composer", "");
		if (is === "waiting") trouble("composer", `This tab hears nothing yet: ${noAnswer()}.`);
		$("state").textContent = $("state").dataset.is = is;
	},
	ready(first) {
		if (first) loadMessages();
		loadSidebar();
		loadPresence();
	},
	refused: findOutWhy,
	message(message) {
		if (message.roomId !== room.id) return;
		const { isNew, trimmed } = log.say(message);
		if (trimmed) $("earlier").hidden = false;
		saw(message);
		if (!isNew || message.user.id === me.id) return;
		$("said").textContent = `${isolated(message.user.name)}: ${isolated(message.text)}`;
		if (document.hidden) title(unseen + 1);
	},
	// The bell: something is new in a room, which may be one that is not known.
	"room.changed"({ roomId, lastMessageId }) {
		const known = sidebar.find(roomId);
		if (!known) return later(loadSidebar);
		known.lastMessageId = Math.max(known.lastMessageId, lastMessageId);
		sidebar.render();
	},
	"room.deleted"({ roomId, by }) {
		sidebar.remove(roomId);
		if (roomId !== room?.id) return;
		if (by.id === me.id) leave(`${nameOf(room)} is deleted`);
		else leave(`${isolated(by.name)} has deleted ${room.type === "DIRECT" ? "your conversation" : nameOf(room)}`);
	},
	"sse.join"(member) {
		const { channel, id, info } = member;
		meanwhile?.push(() => hears["sse.join"](member));
		if (channel === "chat:to:everyone") {
			sidebar.online.add(id);
			if (!sidebar.people.some(person => person.id === id)) sidebar.people.push({ id, name: info.name });
			sidebar.render();
		} else if (channel === `chat:${room.id}` && !here.has(id)) {
			here.set(id, info.name);
			if (id !== me.id) log.note(id, `${isolated(info.name)} came in`);
		}
		about();
	},
	"sse.leave"(member) {
		const { channel, id } = member;
		meanwhile?.push(() => hears["sse.leave"](member));
		if (channel === "chat:to:everyone") {
			sidebar.online.delete(id);
			sidebar.render();
		} else if (channel === `chat:${room.id}` && here.has(id)) {
			if (id !== me.id) log.note(id, `${isolated(here.get(id))} left`);
			here.delete(id);
		}
		about();
	},
	// Something may be missing: what is shown is fetched again, each thing once.
	"sse.gap"({ channels }) {
		const isRoom = channel => channel === `chat:${room.id}`;
		if (channels.some(isRoom)) later(loadMessages);
		if (!channels.every(isRoom)) later(loadSidebar);
	},
};
const live = new Live(hears);

// A page that a browser keeps for its back button is not here, and starts anew.
window.onpagehide = () => live.close();
window.onpageshow = event => event.persisted && room && live.listen(room.id, me.id);

// later keeps a crowd that hears the same from asking at the same moment.
const waiting = new Set();
function later(load) {
	if (waiting.has(load)) return;
	waiting.add(load);
	setTimeout(() => {
		waiting.delete(load);
		load();
	}, 500 * Math.random());
}

// ---- You. All tabs of a browser have the same session, and begin again when it
// changes.

const tabs = new BroadcastChannel("session");
tabs.onmessage = () => location.reload();

async function start() {
	try {
		signedIn(await call("GET", "session"));
	} catch (error) {
		view("start");
		if (error instanceof Problem) return $("name").focus();
		trouble("sign-in", `The chat does not load: ${why(error)}.`);
		setTimeout(start, 2000);
	}
}

$("sign-in").onsubmit = async event => {
	event.preventDefault();
	try {
		const user = await call("POST", "session", { name: $("name").value });
		tabs.postMessage("changed");
		signedIn(user);
	} catch (error) {
		trouble("sign-in", `That did not work: ${why(error)}.`);
	}
};

function signedIn(user) {
	me = user;
	trouble("sign-in", "");
	$("me").textContent = $("me").title = me.name;
	paint(document.querySelector(".you .avatar"), me);
	sidebar.start(me);
	route();
}

$("sign-out").onclick = async () => {
	try {
		await call("DELETE", "session");
		tabs.postMessage("changed");
		location.href = location.pathname; // and nothing stays behind
	} catch (error) {
		notice(`That did not work: ${why(error)}`);
	}
};

// ---- Rooms. The address after # is the room's ID, or @ and a person's, which no
// room has; without one, a phone shows all rooms, and a larger screen the lobby.

const small = matchMedia("(max-width: 46rem)");
small.onchange = () => me && route();
window.onhashchange = () => me && route();

async function route() {
	const id = location.hash.slice(1); // of letters that need no encoding
	if (id.startsWith("@")) return openPerson(id.slice(1));
	if (id === "" && small.matches) {
		if (!room) await enter("lobby");
		return view("list");
	}
	if (id === "") return location.replace("#lobby");
	await enter(id);
	view("room");
	if (matchMedia("(hover: hover)").matches) $("text").focus();
}

async function enter(id) {
	if (room?.id === id) return;
	const before = room;
	let found = sidebar.find(id);
	try {
		found ??= await call("GET", roomPath(id));
	} catch (error) {
		// Subscribing creates a room that is not there.
		if (error.status === 404) found = { id, name: id, type: "GROUP", mayDelete: false, lastMessageId: 0 };
		else if (error instanceof Problem) return refusedEntry(error, before);
		else return setTimeout(route, 2000);
	}
	room = found;
	sidebar.current = room.id;
	here = new Map();
	log.clear();
	$("log").ariaBusy = "true";
	$("earlier").hidden = true;
	trouble("composer", "");
	showRoom();
	live.listen(room.id, me.id);
}

function refusedEntry(error, before) {
	notice(`You cannot go there: ${error.message}`);
	location.replace(`#${before?.id ?? "lobby"}`);
}

function showRoom() {
	$("room").textContent = $("room").title = room.name;
	$("text").placeholder = `Message ${isolated(room.name)}`;
	$("delete").hidden = !room.mayDelete;
	sidebar.render();
	about();
	title(0);
}

const nameOf = ({ type, name }) => type === "DIRECT" ? `your conversation with ${isolated(name)}` : `the room “${isolated(name)}”`;

// leave goes elsewhere, because the room is no more.
function leave(text) {
	notice(text[0].toUpperCase() + text.slice(1));
	live.close();
	room = undefined;
	if (location.hash === "#lobby") route();
	else location.replace("#lobby");
}

// findOutWhy asks the app, since an EventSource does not tell.
async function findOutWhy(again) {
	try {
		await call("GET", roomPath(room.id));
		again();
	} catch (error) {
		if (error.status === 410) leave(`${nameOf(room)} has been deleted`);
		else if (error.status === 403) leave(error.message);
		else again();
	}
}

async function openPerson(person) {
	try {
		const { id } = await call("POST", `users/${encodeURIComponent(person)}/rooms`);
		await loadSidebar();
		location.replace(`#${id}`);
	} catch (error) {
		notice(`That did not work: ${why(error)}`);
		location.replace(`#${room?.id ?? "lobby"}`);
	}
}

$("new-room").onclick = () => {
	$("room-name").value = "";
	trouble("new-room-dialog", "");
	$("new-room-dialog").showModal();
};
$("new-room-dialog").querySelector("[value=cancel]").onclick = () => $("new-room-dialog").close();
$("new-room-dialog").querySelector("form").onsubmit = async event => {
	event.preventDefault();
	try {
		const made = await call("POST", "rooms", { name: $("room-name").value });
		await loadSidebar();
		$("new-room-dialog").close();
		location.hash = made.id;
	} catch (error) {
		trouble("new-room-dialog", `That did not work: ${why(error)}.`);
	}
};

$("delete").onclick = () => {
	$("delete-title").textContent = `Delete ${nameOf(room)}?`;
	$("delete-dialog").returnValue = "";
	$("delete-dialog").showModal();
};
$("delete-dialog").onclose = async () => {
	if ($("delete-dialog").returnValue !== "delete") return;
	try {
		await call("DELETE", roomPath(room.id));
	} catch (error) {
		notice(`That did not work: ${why(error)}`);
	}
};

// ---- What the app knows.

async function loadMessages() {
	const { id } = room;
	try {
		const { messages, more } = await call("GET", `${roomPath(id)}/messages`);
		if (id !== room?.id) return;
		log.replace(messages);
		$("log").ariaBusy = "false";
		trouble("log", "");
		$("earlier").hidden = !more;
		if (messages.length) saw(messages.at(-1));
	} catch (error) {
		if (id !== room?.id) return;
		trouble("log", `What was said here does not load: ${why(error)}.`);
		setTimeout(() => id === room?.id && loadMessages(), 2000);
	}
}

let loadingEarlier = false;
async function loadEarlier() {
	if (loadingEarlier || $("earlier").hidden) return;
	loadingEarlier = true;
	const { id } = room;
	try {
		const { messages, more } = await call("GET", `${roomPath(id)}/messages?lastMessageId=${log.oldest}`);
		if (id !== room?.id) return;
		log.add(...messages);
		$("earlier").hidden = !more;
	} catch {
		/* one can ask again */
	} finally {
		loadingEarlier = false;
	}
}
$("earlier").onclick = loadEarlier;
$("log").addEventListener("scroll", () => $("log").scrollTop < 200 && loadEarlier());

async function loadSidebar() {
	try {
		const [rooms, people] = await Promise.all([call("GET", "rooms"), call("GET", "users")]);
		sidebar.people = people;
		sidebar.setRooms(rooms);
		const open = room && sidebar.find(room.id);
		if (open) {
			room = open;
			showRoom();
		}
	} catch {
		/* the next event, or the next opening, has it loaded */
	}
}

async function loadPresence() {
	const { id } = room;
	meanwhile = [];
	try {
		const [inRoom, anywhere] = await Promise.all([call("GET", `${roomPath(id)}/presence`), call("GET", "presence")]);
		if (id !== room?.id) return;
		here = new Map(inRoom.members.map(({ id, info }) => [id, info.name]));
		sidebar.online = new Set(anywhere.members.map(({ id }) => id));
		const missed = meanwhile ?? [];
		meanwhile = undefined;
		for (const again of missed) again();
		sidebar.render();
		about();
	} catch {
		/* those who come and go are still told of */
	}
}

// about says who is here.
function about() {
	if (!room) return;
	if (room.type === "DIRECT") {
		$("about").textContent = here.has(room.with) ? "is here" : sidebar.online.has(room.with) ? "is online" : "is away, and reads it later";
		return;
	}
	const names = [...here].filter(([id]) => id !== me.id).map(([, name]) => isolated(name));
	const more = names.length - 3;
	if (more > 1) names.splice(3, more, `${more} others`);
	$("about").textContent = names.length ? `${new Intl.ListFormat("en").format(["You", ...names])} are here` : "Only you are here";
}

// ---- Reading.

function saw({ id }) {
	if (!document.hidden && sidebar.reading === room.id) sidebar.see(room.id, id);
}

function title(count) {
	unseen = count;
	document.title = `${unseen ? `(${unseen}) ` : ""}${room?.name ?? "Chat"} · caddy-sse`;
}

document.onvisibilitychange = () => {
	if (document.hidden || !room) return;
	saw({ id: log.newest });
	title(0);
};

// ---- Speaking: a plain POST. The message may come back as an event before the
// answer is here, or after: it is the same, by its ID.

$("composer").onsubmit = async event => {
	event.preventDefault();
	const text = $("text").value.trim();
	$("text").value = "";
	trouble("composer", "");
	$("text").focus();
	if (!text) return;
	const { id } = room;
	const said = text.startsWith("/me ") ? { type: "ACTION", text: text.slice(4) } : { text };
	const slow = setTimeout(() => trouble("composer", "Still sending …"), 2000);
	let late = "";
	try {
		const message = await call("POST", `${roomPath(id)}/messages`, said, () =>
			late = "That is saved. The others see it as soon as Redis is back.");
		trouble("composer", late);
		if (id !== room?.id) return;
		log.say(message);
		saw(message);
	} catch (error) {
		if (id === room?.id) $("text").value = [text, $("text").value].filter(Boolean).join("\n");
		trouble("composer", `That was not sent: ${why(error)}. Try again in a moment.`);
	} finally {
		clearTimeout(slow);
	}
};
$("text").onkeydown = event => {
	// An input method's Enter chooses a word: Safari's has the keyCode 229 alone.
	if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
	event.preventDefault();
	$("composer").requestSubmit();
};

// ---- Small things.

function view(name) {
	document.body.dataset.view = name;
	sidebar.reading = name === "room" ? room?.id : undefined;
	if (sidebar.reading) {
		log.toEnd();
		saw({ id: log.newest });
	}
	sidebar.render();
}

function trouble(where, text) {
	$(where).querySelector(".trouble").textContent = text;
}

let fade;
function notice(text) {
	$("notice").hidden = false;
	$("notice").textContent = text;
	clearTimeout(fade);
	fade = setTimeout(() => $("notice").hidden = true, 6000);
}

start();
