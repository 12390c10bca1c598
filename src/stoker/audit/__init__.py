"""What a run did, proved or shown again from its record and the files; without Keras."""
