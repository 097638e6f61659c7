// The connection: one EventSource, for the room that is open. It comes back by
// itself, says which event it had last, and gets what it missed.

export class Live {
	#source;
	#timer; // of what comes next if nothing happens

	// on has a function for each type of event, and for state, ready and refused.
	constructor(on) {
		this.on = on;
	}

	listen(roomID, userID) {
		this.close();
		this.on.state("connecting");
		let first = true, busy = false;
		const source = this.#source = new EventSource(`/api/chat/rooms/${encodeURIComponent(roomID)}/subscribe?userId=${userID}`);
		const hear = (type, handle) => source.addEventListener(type, ({ data }) => {
			if (source !== this.#source) return;
			const said = parse(data);
			if (said) handle(said);
			else console.warn("an event that the app did not publish:", type, data);
		});
		this.#timer = setTimeout(() => this.on.state("waiting"), 10_000);
		for (const type of ["message", "room.changed", "room.deleted", "sse.join", "sse.leave", "sse.gap"]) hear(type, this.on[type]);
		// The gateway's greeting: it is in. Coming back, it gets what it missed.
		source.addEventListener("ready", () => {
			if (source !== this.#source) return;
			clearTimeout(this.#timer);
			this.on.state("live");
			this.on.ready(first);
			first = busy = false;
		});
		hear("sse.busy", () => busy = true); // it is sent away for the moment
		// Redis is away, and nothing comes meanwhile, though the connection stands.
		hear("sse.away", () => this.on.state("paused"));
		hear("sse.back", () => this.on.state("live"));
		source.onerror = () => {
			if (source !== this.#source) return;
			clearTimeout(this.#timer);
			this.on.state(busy ? "busy" : "reconnecting");
			// A browser comes back by itself, except from an HTTP error.
			if (source.readyState !== EventSource.CLOSED) return;
			this.#timer = setTimeout(() => this.on.refused(() => this.listen(roomID, userID)), 300 + 2000 * Math.random());
		};
	}

	close() {
		this.#source?.close();
		this.#source = undefined;
		clearTimeout(this.#timer);
	}
}

// parse returns an object, or nothing: anybody at Redis may publish anything.
function parse(data) {
	try {
		return Object(JSON.parse(data));
	} catch { /* it is no JSON */ }
}
