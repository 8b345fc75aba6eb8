//! Model providers: OpenAI-compatible, Anthropic and the built-in offline provider.
