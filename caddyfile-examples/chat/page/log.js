// The messages of the room that is open, by their IDs: none stands there twice,
// and each at its place, whichever way it came.

import { isolated, paint } from "./person.js";

const $ = id => document.getElementById(id);

export class Log {
	#messages = new Map(); // by ID
	#atEnd = true;

	constructor(isMine) {
		this.isMine = isMine;
		$("log").addEventListener("scroll", () => {
			this.#atEnd = $("log").scrollHeight - $("log").scrollTop - $("log").clientHeight < 40;
			if (this.#atEnd) $("newest").hidden = true;
		});
		new ResizeObserver(() => this.#follow()).observe($("log")); // as when a phone's keyboard opens
		$("newest").onclick = () => this.toEnd();
	}

	clear() {
		this.#messages.clear();
		$("messages").replaceChildren();
		$("newest").hidden = true;
		this.#atEnd = true;
	}

	get oldest() { return Math.min(...this.#messages.keys()); }
	get newest() { return Math.max(0, ...this.#messages.keys()); }

	has(id) { return this.#messages.has(id); }

	// replace shows the newest messages as they are, and those that came since.
	replace(page) {
		const last = page.at(-1)?.id ?? 0;
		const since = [...this.#messages.values()].map(item => item.message).filter(({ id }) => id > last);
		this.clear();
		this.add(...page, ...since);
	}

	// add shows messages, wherever they belong.
	add(...messages) {
		const log = $("log"), fromEnd = log.scrollHeight - log.scrollTop;
		const newest = this.newest;
		for (const message of messages)
			if (!this.has(message.id)) this.#insert(message);
		if (this.#atEnd) this.#follow();
		else if (messages[0]?.id < newest) log.scrollTop = log.scrollHeight - fromEnd; // earlier ones push nothing away
		else if (messages.length && !this.isMine(messages.at(-1))) $("newest").hidden = false;
	}

	// say adds a message that has just been said. It returns whether it is new, and
	// whether old ones were taken away: a page that is open for days keeps 500.
	say(message) {
		const isNew = !this.has(message.id);
		if (this.isMine(message)) this.#atEnd = true;
		this.add(message);
		this.#messages.get(message.id).classList.toggle("new", isNew);
		const trimmed = this.#atEnd && this.#messages.size > 500;
		if (trimmed) this.replace([...this.#messages.values()].map(item => item.message).sort((a, b) => a.id - b.id).slice(-100));
		return { isNew, trimmed };
	}

	// note adds a line that is no message. A person has one at a time.
	note(who, text) {
		const last = $("messages").lastElementChild;
		if (!last) return;
		const line = last.dataset.who === who ? last : document.createElement("li");
		line.className = "note";
		line.dataset.who = who;
		line.textContent = text;
		$("messages").append(line);
		if (this.#atEnd) this.#follow();
	}

	toEnd() {
		this.#atEnd = true;
		$("newest").hidden = true;
		this.#follow();
	}

	#follow() {
		if (this.#atEnd) $("log").scrollTop = $("log").scrollHeight;
	}

	#insert(message) {
		const item = this.#render(message);
		const after = [...this.#messages.values()].filter(other => other.message.id > message.id)
			.reduce((first, other) => !first || other.message.id < first.message.id ? other : first, null);
		this.#messages.set(message.id, item);
		const place = after?.previousElementSibling?.className === "day" ? after.previousElementSibling : after;
		$("messages").insertBefore(item, place);
		this.#group(item);
		if (after) this.#group(after);
	}

	#render(message) {
		const item = $("message").content.cloneNode(true).firstElementChild;
		const find = selector => item.querySelector(selector);
		const time = new Date(message.time);
		item.message = message;
		item.dataset.id = message.id;
		item.dataset.minute = Math.floor(time / 60_000);
		item.classList.toggle("mine", this.isMine(message));
		item.classList.toggle("action", message.type === "ACTION");
		paint(find(".avatar"), message.user);
		find(".name").textContent = message.user.name;
		find(".text").textContent = message.type === "ACTION" ? `${isolated(message.user.name)} ${message.text}` : message.text;
		find("time").textContent = time.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
		find("time").dateTime = message.time;
		return item;
	}

	// group has a message go with the one before it, and begin a day if it does.
	#group(item) {
		let before = item.previousElementSibling;
		if (before?.className === "day") {
			before.remove();
			before = item.previousElementSibling;
		}
		const sameDay = before?.message && new Date(before.message.time).toDateString() === new Date(item.message.time).toDateString();
		item.classList.toggle("again", Boolean(sameDay) && before.message.user.id === item.message.user.id && before.dataset.minute === item.dataset.minute);
		if (sameDay || before?.className === "note") return;
		const day = document.createElement("li");
		day.className = "day";
		day.textContent = dayOf(new Date(item.message.time));
		item.before(day);
	}
}

function dayOf(date) {
	const today = new Date();
	const yesterday = new Date(today.getFullYear(), today.getMonth(), today.getDate() - 1);
	if (date.toDateString() === today.toDateString()) return "Today";
	if (date.toDateString() === yesterday.toDateString()) return "Yesterday";
	return date.toLocaleDateString([], { day: "numeric", month: "long", year: "numeric" });
}
