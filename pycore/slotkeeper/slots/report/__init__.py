"""Reports: every GPF of a build judged as of a day, as files for people and programs."""
