// The connection: one EventSource, held by Caddy. The app has none.
import { $ } from "./dom.js";
import { api, until } from "./api.js";

// listen hears what is for a member. on.live is called each time that it begins,
// and when events may have been missed; the others are named after events.
export function listen(me, on) {
	const source = new EventSource(`/sse/subscribe/${encodeURIComponent(me.key)}`);
	source.addEventListener("connected", () => {
		state("live");
		on.live();
	});
	source.addEventListener("sse.gap", on.live);
	source.addEventListener("notification", event => on.notification(JSON.parse(event.data)));
	source.addEventListener("read", event => on.read(JSON.parse(event.data).ids));
	source.onmessage = event => on.message(event.data);
	source.onerror = async () => {
		state("reconnecting");
		// A browser comes back by itself, except from an HTTP error, such as when
		// the session is over.
		if (source.readyState !== EventSource.CLOSED) return;
		await new Promise(done => setTimeout(done, 3000));
		await until(() => api("GET", "/api/session")).then(() => listen(me, on), () => location.reload());
	};
}

function state(is) {
	if ($("state").dataset.is !== is) $("state").textContent = $("state").dataset.is = is;
}
