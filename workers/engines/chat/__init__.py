"""The engine that talks: SmolLM2-135M-Instruct, in llama.cpp, on the processor.

A small model: fluent English, few facts, no sums. It is here so that the API can be tried with nothing else installed.
"""
