// The client of clients_test.go that Java's HttpClient is. It does what lines of its
// standard input say, and answers each with a line.

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.List;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509ExtendedTrustManager;

class Client {
	static String url;
	static HttpClient client;

	static class Subscription {
		final int number;
		int newest = -1;
		String lastID;
		InputStream body;
		boolean isOpen, leaving;

		Subscription(int number) {
			this.number = number;
		}

		synchronized void open() throws Exception {
			leaving = false;
			var thread = new Thread(this::run);
			thread.setDaemon(true);
			thread.start();
			while (!isOpen) wait();
		}

		void run() {
			try {
				var request = HttpRequest.newBuilder(URI.create(url + "/events/" + number)).header("Accept", "text/event-stream");
				if (lastID != null) request.header("Last-Event-ID", lastID);
				var response = client.send(request.build(), HttpResponse.BodyHandlers.ofInputStream());
				check(response);
				body = response.body();
				var lines = new BufferedReader(new InputStreamReader(body, StandardCharsets.UTF_8));
				for (String line; (line = lines.readLine()) != null;) take(line);
				throw new IOException("the end");
			} catch (Exception e) {
				synchronized (this) {
					if (!leaving) fail("subscription " + number + " ends: " + e);
					isOpen = false;
					notifyAll();
				}
			}
		}

		synchronized void take(String line) {
			isOpen = true;
			if (line.startsWith("id: ")) lastID = line.substring(4);
			if (line.startsWith("data: ")) {
				var parts = line.substring(6).split(" ", 3);
				if (Integer.parseInt(parts[0]) != newest + 1 || !parts[2].equals("x".repeat(Integer.parseInt(parts[1])))) {
					fail(line.substring(0, Math.min(line.length(), 100)));
				}
				newest++;
			}
			notifyAll();
		}

		synchronized void have(int number) throws Exception {
			while (isOpen && newest < number) wait();
		}

		void leave() throws Exception {
			synchronized (this) {
				leaving = true;
			}
			body.close();
			synchronized (this) {
				while (isOpen) wait();
			}
		}
	}

	static void check(HttpResponse<?> response) {
		if (response.statusCode() != 200 || response.version() != HttpClient.Version.HTTP_2) fail(response.toString());
	}

	static void fail(String text) {
		System.err.println(text);
		System.exit(1);
	}

	static String ask(HttpRequest.Builder request) throws Exception {
		var response = client.send(request.build(), HttpResponse.BodyHandlers.ofString());
		check(response);
		return response.body();
	}

	public static void main(String[] args) throws Exception {
		url = args[0];
		System.setProperty("jdk.internal.httpclient.disableHostnameVerification", "true");
		var tls = SSLContext.getInstance("TLS");
		tls.init(null, new TrustManager[] {new Trusting()}, null);
		client = HttpClient.newBuilder().sslContext(tls).version(HttpClient.Version.HTTP_2).build();
		List<Subscription> all = new ArrayList<>();
		var lines = new BufferedReader(new InputStreamReader(System.in));
		for (String line; (line = lines.readLine()) != null;) {
			var words = line.split(" ");
			int n = Integer.parseInt(words[1]);
			switch (words[0]) {
				case "open" -> {
					for (int i = 0; i < n; i++) all.add(new Subscription(i));
					for (var s : all) s.open();
					System.out.println("open");
				}
				case "have" -> {
					for (var s : all) s.have(n);
					System.out.println("have");
				}
				case "rest" -> System.out.println(ask(HttpRequest.newBuilder(URI.create(url + "/rest"))));
				case "upload" -> System.out.println(
					ask(HttpRequest.newBuilder(URI.create(url + "/upload")).POST(HttpRequest.BodyPublishers.ofByteArray(new byte[n]))));
				case "leave" -> {
					all.get(n).leave();
					System.out.println("left");
				}
				case "back" -> {
					all.get(n).open();
					System.out.println("back");
				}
				case "end" -> {
					for (var s : all) if (s.isOpen) s.leave();
					System.out.println("end");
					System.exit(0);
				}
			}
		}
	}

	/** Trusts everybody: the gateway's certificate is a test's own. */
	static class Trusting extends X509ExtendedTrustManager {
		public void checkClientTrusted(X509Certificate[] chain, String type) {}
		public void checkServerTrusted(X509Certificate[] chain, String type) {}
		public void checkClientTrusted(X509Certificate[] chain, String type, Socket socket) {}
		public void checkServerTrusted(X509Certificate[] chain, String type, Socket socket) {}
		public void checkClientTrusted(X509Certificate[] chain, String type, SSLEngine engine) {}
		public void checkServerTrusted(X509Certificate[] chain, String type, SSLEngine engine) {}
		public X509Certificate[] getAcceptedIssuers() {
			return new X509Certificate[0];
		}
	}
}
