"""Cloze pre-training of FG-BERT: masking, prediction heads, and the model that joins them."""
