CREATE EXTENSION drkit_settings;
INSERT INTO drkit_settings.settings (name, value) VALUES ('colour', 'ours'), (E'odd\tname', NULL);
SELECT nextval('drkit_settings.numbers');
GRANT SELECT ON drkit_settings.settings TO hard_reader;
