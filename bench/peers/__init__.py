"""Three queues behind one face: our lane, stock arq, and SAQ."""
