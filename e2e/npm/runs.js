// Reads runs by clients, each as its documentation says, and prints what the client makes of
// it: the arguments are an origin, and of each run the client's name and the path.
globalThis.window = globalThis
globalThis.document = { hidden: false, addEventListener() {}, removeEventListener() {} }
const [origin, ...runs] = process.argv.slice(2)
let lines
const show = (...words) => lines.push(words.join(' '))

const clients = {
	// Until it stops for good.
	async eventsource(url) {
		const { EventSource } = await import('eventsource')
		const source = new EventSource(url)
		source.onmessage = (e) => show('message', e.data)
		source.addEventListener('over', (e) => show('over', e.data))
		await new Promise((resolve) => {
			source.onerror = (e) => {
				if (source.readyState === EventSource.CLOSED) resolve(show('closed', e.code))
			}
		})
	},
	async 'fetch-event-source'(url) {
		const { fetchEventSource } = await import('@microsoft/fetch-event-source')
		const stop = new AbortController()
		await fetchEventSource(url, {
			signal: stop.signal,
			openWhenHidden: true,
			onmessage: (e) => show('message', e.data),
			onerror: (e) => {
				show('error')
				throw e // else it comes back
			},
		}).then(() => show('resolved'), () => show('rejected'))
	},
	// What useChat is made of: its status is asserted, since its stream swallows errors.
	async ai(url) {
		const { AbstractChat, DefaultChatTransport } = await import('ai')
		class State {
			status = 'ready'
			error = undefined
			messages = []
			pushMessage = (m) => { this.messages.push(m) }
			popMessage = () => { this.messages.pop() }
			replaceMessage = (i, m) => { this.messages[i] = m }
			snapshot = (x) => structuredClone(x)
		}
		class Chat extends AbstractChat {}
		const chat = new Chat({
			id: 'a', state: new State(),
			transport: new DefaultChatTransport({ prepareReconnectToStreamRequest: () => ({ api: url }) }),
			onFinish: ({ isError, message }) => show('finished', isError ? 'with an error' : 'well', message?.parts.map((p) => p.text ?? '').join('')),
		})
		await chat.resumeStream()
		show('status', chat.status, chat.error?.message ?? '')
	},
}
for (let i = 0; i < runs.length; i += 2) {
	lines = []
	await clients[runs[i]](origin + runs[i + 1])
	console.log(JSON.stringify(lines))
}
