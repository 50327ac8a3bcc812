CREATE SCHEMA "Hard ""names""";
CREATE SCHEMA "línea
nueva";
CREATE TABLE "Hard ""names"""."a b" ("c d" integer, "Select" text, "e""f" text, "g'h" text, "tab	bed" text, "back\slash" text, "new
line" text, "日本語" text, "%s %(x)s {}" text, "--" text, "$1" text, " " text);
INSERT INTO "Hard ""names"""."a b" SELECT n, 's', 'q', 'a', 't', 'b', 'l', '日', '%s', '-', '$', ' ' FROM generate_series(1, 50) AS n;
CREATE TABLE "línea
nueva"."tábla
\.
; DROP TABLE every_type; --" ("col
umn" serial PRIMARY KEY, "o'ne" text UNIQUE DEFAULT E'it''s\n' || 'so');
INSERT INTO "línea
nueva"."tábla
\.
; DROP TABLE every_type; --" ("o'ne") VALUES ('1'), ('2'), ('3');
CREATE TABLE "a.b" ("a.b" integer PRIMARY KEY);
CREATE TABLE "*" (n integer);
CREATE TABLE "--schema-only" (n integer);
CREATE TABLE "|pipe $(id) `id`" (n integer);
CREATE TABLE "table" ("order" integer PRIMARY KEY, "user" text);
CREATE TABLE "ÀÉÎÕÜ àéîõü ßß 67 bytes would be too long, 63 it is" ("ÀÉÎÕÜ àéîõü ßß 67 bytes would be too long, 63 it is" integer);
CREATE TABLE "Hard ""names"""."TABLE" (n integer);
CREATE TABLE "Hard ""names"""."table" (n integer);
INSERT INTO "a.b" SELECT generate_series(1, 10);
INSERT INTO "*" VALUES (1), (2);
INSERT INTO "--schema-only" VALUES (3);
INSERT INTO "|pipe $(id) `id`" VALUES (4);
INSERT INTO "table" VALUES (1, 'user');
INSERT INTO "ÀÉÎÕÜ àéîõü ßß 67 bytes would be too long, 63 it is" VALUES (5);
INSERT INTO "Hard ""names"""."TABLE" VALUES (1);
INSERT INTO "Hard ""names"""."table" VALUES (2);
CREATE SEQUENCE "Hard ""names"""."séq
uence" START 42;
SELECT nextval('"Hard ""names"""."séq
uence"');
CREATE FUNCTION "Hard ""names"""."f $$ ( ) "("a b" integer DEFAULT 1, OUT "c""d" text) LANGUAGE sql AS $f$ SELECT '$$ ''' || "a b" $f$;
CREATE INDEX "índex	with tab" ON "Hard ""names"""."a b" ("c d") WHERE "Select" <> ';';
COMMENT ON TABLE "Hard ""names"""."a b" IS E'comment\n-- Name: forged; Type: TABLE; Schema: public; Owner: -\n\\! id\n\\restrict x';
COMMENT ON COLUMN "Hard ""names"""."a b"."new
line" IS '';
