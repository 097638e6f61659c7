// The app's REST API.

// A Problem is an answer that says no.
export class Problem extends Error {
	constructor(status, message) {
		super(message);
		this.status = status;
	}
}

// call returns what the app answers. If it has done what was asked, but the
// others are told of it later only, it calls late.
export async function call(method, path, body, late = () => {}) {
	const answer = await fetch(`/api/chat/${path}`, {
		method,
		headers: { Accept: "application/json", ...body && { "Content-Type": "application/json" } },
		body: body && JSON.stringify(body),
	});
	const value = await answer.json().catch(() => ({}));
	if (!answer.ok) throw new Problem(answer.status, value.error ?? `the server answers ${answer.status}`);
	if (answer.headers.has("Sse-Publish")) late();
	return value;
}

export const roomPath = id => `rooms/${encodeURIComponent(id)}`;

// why says what went wrong, to people.
export const why = error => error instanceof Problem ? error.message : "there is no connection";
