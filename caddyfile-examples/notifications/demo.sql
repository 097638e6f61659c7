-- What there is on the first day.
INSERT OR IGNORE INTO members (key, name, admin) VALUES
	('ann', 'Ann Lindqvist', 1),
	('ben', 'Ben Okafor', 0),
	('cleo', 'Cleo Marchetti', 0),
	('dev', 'Dev Raman', 0),
	('eva', 'Eva Horvat', 0);
INSERT OR IGNORE INTO posts (id, author, text) VALUES
	('6f1d9a52-3c0b-4f63-9f0e-0d6d1c7a1e01', 'ann', 'The first tomatoes of the year! The ones by the south wall were a week ahead of the rest. There is a bowl of them at the gate: help yourselves.'),
	('b7c2e4d8-51aa-4c1e-8a57-2f9be3d04c02', 'ben', 'Rain barrel number three is up and full. Please close the lid behind you, the bees keep falling in.'),
	('0a9e6c1f-7d42-4b8e-b0c3-91f4a5d86e03', 'cleo', 'Does anybody have a spare trellis? My beans have found the neighbour’s washing line.'),
	('d35f80b7-2e69-4a0d-9c74-68b1e2f7ac04', 'dev', 'Compost is ready. It smells of forest now, and no longer of regret.');
