import { trouble } from "./toast.js";

// The REST of the app and the gateway. An answer that says no is thrown, with its
// status.
export async function api(method, path, body) {
	const answer = await fetch(path, { method, body: body && JSON.stringify(body), signal: AbortSignal.timeout(10_000) });
	if (answer.ok) return answer.status === 204 ? undefined : answer.json();
	const why = await answer.json().catch(() => ({}));
	throw Object.assign(new Error(why.error ?? `status ${answer.status}`), { status: answer.status });
}

// until tries again until something works, as when the app is just away.
export async function until(works) {
	for (;;) {
		try {
			return await works();
		} catch (error) {
			if (error.status === 401) throw error;
			if (error.name === "TimeoutError") trouble(error);
			await new Promise(done => setTimeout(done, 2000));
		}
	}
}
