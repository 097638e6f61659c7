// The connection: one EventSource, held by Caddy. The app has none.
import { $ } from "./dom.js";
import { api, until } from "./api.js";
import { noAnswer, toast } from "./toast.js";

// listen hears what is for a member. on.live is called each time that it begins,
// and when events may have been missed; the others are named after events.
export function listen(me, on) {
	const source = new EventSource(`/sse/subscribe/${encodeURIComponent(me.key)}`);
	const slow = setTimeout(() => {
		state("waiting");
		toast(`This tab hears nothing yet: ${noAnswer()}.`, { bad: true });
	}, 10_000);
	source.addEventListener("connected", () => {
		clearTimeout(slow);
		state("live");
		on.live();
	});
	source.addEventListener("sse.gap", on.live);
	// Redis is away, and nothing comes meanwhile, though the connection stands.
	source.addEventListener("sse.away", () => state("paused"));
	source.addEventListener("sse.back", () => state("live"));
	const hear = (type, handle) => source.addEventListener(type, ({ data }) => {
		const said = parse(data);
		if (said) handle(said);
		else console.warn("an event that the app did not publish:", type, data);
	});
	hear("notification", on.notification);
	hear("read", ({ ids = [] }) => on.read(ids));
	source.onmessage = event => on.message(event.data);
	source.onerror = async () => {
		clearTimeout(slow);
		state("reconnecting");
		// A browser comes back by itself, except from an HTTP error, such as when
		// the session is over.
		if (source.readyState !== EventSource.CLOSED) return;
		await new Promise(done => setTimeout(done, 3000));
		await until(() => api("GET", "/api/session")).then(() => listen(me, on), () => location.reload());
	};
}

// parse returns an object, or nothing: anybody at Redis may publish anything.
function parse(data) {
	try {
		return Object(JSON.parse(data));
	} catch { /* it is no JSON */ }
}

function state(is) {
	if ($("state").dataset.is !== is) $("state").textContent = $("state").dataset.is = is;
}
