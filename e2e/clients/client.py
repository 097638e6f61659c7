# The client of clients_test.go that Python's httpx is. It does what lines of its standard
# input say, and answers each with a line.
import asyncio
import sys

import httpx

url = sys.argv[1]
tls = url.startswith("https:")
client = httpx.AsyncClient(http2=True, http1=tls, verify=False, timeout=httpx.Timeout(60))


def done(text):
    print(text, flush=True)


class Subscription:
    def __init__(self, number):
        self.number, self.newest, self.last_id, self.leaving = number, -1, None, False

    async def open(self):
        self.opened = asyncio.Event()
        self.came = asyncio.Condition()
        self.task = asyncio.create_task(self.run())
        self.task.add_done_callback(self.over)
        await self.opened.wait()

    async def run(self):
        headers = {"Accept": "text/event-stream"}
        if self.last_id:
            headers["Last-Event-ID"] = self.last_id
        async with client.stream("GET", f"{url}/events/{self.number}", headers=headers) as response:
            assert response.status_code == 200 and response.http_version == "HTTP/2", response
            async for line in response.aiter_lines():
                self.opened.set()
                field, _, value = line.rstrip("\n").partition(": ")
                if field == "id":
                    self.last_id = value
                elif field == "data":
                    await self.take(value)

    async def take(self, data):
        number, length, text = data.split(" ")
        assert int(number) == self.newest + 1 and text == "x" * int(length), data[:100]
        async with self.came:
            self.newest += 1
            self.came.notify_all()

    async def have(self, number):
        async with self.came:
            await self.came.wait_for(lambda: self.newest >= number)

    async def leave(self):
        self.leaving = True
        self.task.cancel()
        await asyncio.wait([self.task])
        self.leaving = False

    def over(self, task):
        if not self.leaving:
            print(f"subscription {self.number} ends: {None if task.cancelled() else task.exception()!r}", file=sys.stderr)
            sys.exit(1)


async def main():
    all = []
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := (await lines.readline()).decode().split():
        what, n = line[0], int(line[1])
        if what == "open":
            all = [Subscription(i) for i in range(n)]
            await asyncio.gather(*(s.open() for s in all))
            done("open")
        elif what == "have":
            await asyncio.gather(*(s.have(n) for s in all if not s.task.done()))
            done("have")
        elif what == "rest":
            response = await client.get(f"{url}/rest")
            assert response.status_code == 200 and response.http_version == "HTTP/2", response
            done(response.text)
        elif what == "upload":
            response = await client.post(f"{url}/upload", content=b"x" * n)
            done(response.text)
        elif what == "leave":
            await all[n].leave()
            done("left")
        elif what == "back":
            await all[n].open()
            done("back")
        elif what == "end":
            for s in all:
                await s.leave()
            await client.aclose()
            done("end")


asyncio.run(main())
