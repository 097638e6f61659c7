// The rooms and the people at the side, with who is here and what is unread.

import { paint } from "./person.js";

const $ = id => document.getElementById(id);

export class Sidebar {
	rooms = [];
	people = [];
	online = new Set();
	#seen = {};

	// start remembers what this person has seen, on this device.
	start(me) {
		this.me = me;
		const kept = localStorage.getItem(`seen:${me.id}`);
		this.#seen = JSON.parse(kept ?? "{}");
		this.isNew = !kept;
	}

	setRooms(rooms) {
		for (const room of rooms) // a bell may have rung since they were listed
			room.lastMessageId = Math.max(room.lastMessageId, this.find(room.id)?.lastMessageId ?? 0);
		this.rooms = rooms;
		if (this.isNew) for (const room of rooms) this.see(room.id, room.lastMessageId);
		this.isNew = false;
		this.render();
	}

	find(id) { return this.rooms.find(room => room.id === id); }

	roomWith(person) { return this.rooms.find(room => room.with === person.id); }

	remove(id) {
		this.rooms = this.rooms.filter(room => room.id !== id);
		this.render();
	}

	see(id, lastMessageId) {
		if (lastMessageId <= (this.#seen[id] ?? 0)) return;
		this.#seen[id] = lastMessageId;
		localStorage.setItem(`seen:${this.me.id}`, JSON.stringify(this.#seen));
	}

	isUnread(room) { return room !== undefined && room.id !== this.reading && room.lastMessageId > (this.#seen[room.id] ?? 0); }

	render() {
		const focused = document.activeElement;
		const others = this.people.filter(({ id }) => id !== this.me.id)
			.sort((a, b) => this.online.has(b.id) - this.online.has(a.id) || a.name.localeCompare(b.name));
		fill($("rooms"), this.rooms.filter(room => room.type === "GROUP"), (item, room) => {
			item.querySelector(".mark").textContent = "#";
			this.#show(item, room.name, room, `#${room.id}`);
		});
		fill($("people"), others, (item, person) => {
			const room = this.roomWith(person);
			const mark = item.querySelector(".mark");
			if (!mark.firstChild) mark.append(Object.assign(document.createElement("span"), { className: "avatar" }));
			paint(mark.firstChild, person);
			item.toggleAttribute("data-online", this.online.has(person.id));
			item.querySelector(".here").textContent = this.online.has(person.id) ? ", online" : "";
			this.#show(item, person.name, room, `#${room?.id ?? `@${person.id}`}`);
		});
		$("alone").hidden = others.length > 0 || !this.rooms.length; // nothing is loaded yet
		$("online").textContent = others.length ? `${others.filter(({ id }) => this.online.has(id)).length} online` : "";
		document.querySelector("#back .unread").hidden = !this.rooms.some(room => this.isUnread(room));
		if (focused?.isConnected) focused.focus({ preventScroll: true });
	}

	#show(item, name, room, href) {
		const link = item.firstElementChild, unread = this.isUnread(room);
		link.href = href;
		item.querySelector(".label").textContent = item.querySelector(".label").title = name;
		item.querySelector(".unread").hidden = !unread;
		item.classList.toggle("is-unread", unread);
		if (room && room.id === this.current) link.ariaCurrent = "page";
		else link.removeAttribute("aria-current");
	}
}

// fill has one entry for each thing, and keeps those that are there.
function fill(list, things, show) {
	const entries = new Map([...list.children].map(item => [item.dataset.id, item]));
	list.replaceChildren(...things.map(thing => {
		const item = entries.get(thing.id) ?? document.getElementById("entry").content.cloneNode(true).firstElementChild;
		item.dataset.id = thing.id;
		show(item, thing);
		return item;
	}));
}
