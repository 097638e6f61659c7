// The app's REST API.

// A Problem is an answer that says no.
export class Problem extends Error {
	constructor(status, message) {
		super(message);
		this.status = status;
	}
}

// call returns what the app answers. If it has done what was asked, but the
// others are told of it later only, it calls late. Without a session the page
// begins again.
export async function call(method, path, body, late = () => {}) {
	const answer = await fetch(`/api/chat/${path}`, {
		method,
		headers: { Accept: "application/json", ...body && { "Content-Type": "application/json" } },
		body: body && JSON.stringify(body),
		signal: AbortSignal.timeout(10_000),
	});
	if (answer.status === 401 && path !== "session") location.reload();
	const value = await answer.json().catch(() => ({}));
	if (!answer.ok) throw new Problem(answer.status, value.error ?? `the server answers ${answer.status}`);
	if (answer.headers.has("Sse-Publish")) late();
	return value;
}

export const roomPath = id => `rooms/${encodeURIComponent(id)}`;

// why says what went wrong, to people.
export function why(error) {
	if (error instanceof Problem) return error.message;
	return error.name === "TimeoutError" ? noAnswer() : "there is no connection";
}

// noAnswer says why there may be none: the tabs of a site share a browser's
// connections, and an EventSource keeps one.
export function noAnswer() {
	const crowded = performance.getEntriesByType("navigation")[0]?.nextHopProtocol === "http/1.1";
	return `there is no answer${crowded ? ". Over HTTP/1.1 a browser has six connections to a site, and each tab keeps one: close some tabs" : ""}`;
}
