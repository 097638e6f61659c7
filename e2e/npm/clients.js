// Connects by the client of that name, as its documentation says, and prints the
// data of each event, and `open` for the greeting.
const [name, url] = process.argv.slice(2)
const show = (data) => console.log(data)
const greeted = () => show('open')

const clients = {
	async eventsource() {
		const {EventSource} = await import('eventsource')
		const source = new EventSource(url)
		source.onmessage = (e) => show(e.data)
		source.addEventListener('sse.open', greeted)
	},
	async 'eventsource-client'() {
		const {createEventSource} = await import('eventsource-client')
		createEventSource({url, onMessage: ({event, data}) => event === 'sse.open' ? greeted() : show(data)})
	},
	async 'event-source-polyfill'() {
		const {EventSourcePolyfill} = (await import('event-source-polyfill')).default
		const source = new EventSourcePolyfill(url)
		source.onmessage = (e) => show(e.data)
		source.addEventListener('sse.open', greeted)
	},
}
await clients[name]()
