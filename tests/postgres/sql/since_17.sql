CREATE TABLE endless (i interval);
INSERT INTO endless VALUES ('infinity'), ('-infinity');
