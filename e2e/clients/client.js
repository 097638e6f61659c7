// The client of clients_test.go that Node's http2 is. It does what lines of its standard
// input say, and answers each with a line.
const url = process.argv[2];
const session = require("http2").connect(url, {rejectUnauthorized: false});
const fail = error => { console.error(error); process.exit(1); };
session.on("error", fail).on("goaway", code => fail("GOAWAY " + code));

class Subscription {
	newest = -1;
	constructor(number) { this.number = number; }

	open() {
		const header = {":path": "/events/" + this.number, accept: "text/event-stream"};
		if (this.lastID) header["last-event-id"] = this.lastID;
		this.request = session.request(header);
		this.request.setEncoding("utf8");
		let text = "";
		return new Promise(resolve => this.request
			.on("response", header => { if (header[":status"] !== 200) fail(header); })
			.on("data", chunk => {
				resolve();
				const lines = (text + chunk).split("\n");
				text = lines.pop();
				lines.forEach(line => this.take(line));
			})
			.on("error", fail)
			.on("close", () => { if (!this.leaving) fail("subscription " + this.number + " ends"); }));
	}

	take(line) {
		if (line.startsWith("id: ")) this.lastID = line.slice(4);
		if (!line.startsWith("data: ")) return;
		const [number, length, text] = line.slice(6).split(" ");
		if (+number !== this.newest + 1 || text !== "x".repeat(+length)) fail(line.slice(0, 100));
		this.newest++;
	}

	async have(number) {
		while (this.newest < number) await new Promise(resolve => setTimeout(resolve, 5));
	}

	leave() {
		this.leaving = true;
		return new Promise(resolve => {
			this.request.on("close", () => { this.leaving = false; resolve(); });
			this.request.close(8); // CANCEL
		});
	}
}

const ask = (header, body) => new Promise((resolve, reject) => {
	const request = session.request(header);
	let text = "";
	request.setEncoding("utf8").on("data", chunk => { text += chunk; }).on("end", () => resolve(text)).on("error", reject);
	request.end(body);
});

let all = [];
const commands = {
	async open(n) {
		all = [...Array(n).keys()].map(i => new Subscription(i));
		await Promise.all(all.map(s => s.open()));
		return "open";
	},
	async have(n) {
		await Promise.all(all.filter(s => !s.request.closed).map(s => s.have(n)));
		return "have";
	},
	rest: () => ask({":path": "/rest"}),
	upload: n => ask({":path": "/upload", ":method": "POST"}, Buffer.alloc(n)),
	async leave(n) {
		await all[n].leave();
		return "left";
	},
	async back(n) {
		await all[n].open();
		return "back";
	},
	async end() {
		await Promise.all(all.map(s => s.leave()));
		session.close();
		return "end";
	},
};
(async () => {
	for await (const line of require("readline").createInterface(process.stdin)) {
		const [what, n] = line.split(" ");
		console.log(await commands[what](+n));
	}
})().catch(fail);
