"""The operations on chats as the documentation shows them."""

from litestar.openapi.spec import OpenAPIMediaType, OpenAPIResponse

from api.dialects.chat import Completion
from api.openapi import IDEMPOTENCY, WEBHOOK, json_content, openai_errors, operation, query, request_header, success

_PREFER = request_header(
    "Prefer", "`wait=N`: the job instead of its answer if there is none after so many seconds; `respond-async`: at once"
)
_ANSWER = {
    "id": "chatcmpl-0197e1f2-6c3a-7b1d-9e42-5f8a3c210000",
    "object": "chat.completion",
    "created": 1795901194,
    "model": "smollm2-135m-instruct",
    "system_fingerprint": "fp_smollm2-135m-q4_1",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "The sea is wide and calm today.", "refusal": None},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 37, "completion_tokens": 8, "total_tokens": 45},
}
_EVENTS = (
    'data: {"id":"chatcmpl-…","object":"chat.completion.chunk",…,"choices":[{"index":0,"delta":{"content":"The"},'
    '"logprobs":null,"finish_reason":null}]}\n\ndata: [DONE]\n\n'
)
_NUMBERED = 'id: 2\ndata: {"id":"chatcmpl-…","object":"chat.completion.chunk",…}\n\nid: 3\ndata: [DONE]\n\n'

COMPLETE = operation(
    body=Completion,
    examples={
        "Create chat completion": {
            "model": "smollm2-135m-instruct",
            "messages": [{"role": "user", "content": "Write one sentence about the sea."}],
        },
        "Create chat completion with stream": {
            "model": "gpt-3.5-turbo",
            "stream": True,
            "stream_options": {"include_usage": True},
            "max_tokens": 20,
            "messages": [
                {"role": "system", "content": "You are brief."},
                {"role": "user", "content": "Name three fruits."},
            ],
        },
        "In a schema": {
            "messages": [{"role": "user", "content": "Give me a song title and its mood."}],
            "response_format": {
                "type": "json_schema",
                "json_schema": {
                    "name": "song",
                    "schema": {
                        "type": "object",
                        "properties": {"title": {"type": "string"}, "mood": {"enum": ["sad", "happy"]}},
                        "required": ["title", "mood"],
                    },
                },
            },
        },
    },
    parameters=[IDEMPOTENCY, _PREFER, *WEBHOOK],
    responses={
        200: OpenAPIResponse(
            "The answer, or its events; `x-stream-id` names the stream",
            content={**json_content(_ANSWER), "text/event-stream": OpenAPIMediaType(example=_EVENTS)},
        ),
        202: success(
            "No answer in time: the job, found at `Location`",
            {"id": "0197e1f2-6c3a-7b1d-9e42-5f8a3c210000", "object": "job", "kind": "chat", "status": "running"},
        ),
        **openai_errors(400, 401, 404, 410, 413, 503),
    },
)
CONTINUE = operation(
    parameters=[
        query("after", "The number of the last event had; all of them, if missing", type="integer", minimum=0),
        request_header("Last-Event-ID", "The same, as an EventSource says it"),
    ],
    responses={
        200: OpenAPIResponse(
            "The rest of the stream", content={"text/event-stream": OpenAPIMediaType(example=_NUMBERED)}
        ),
        **openai_errors(400, 401, 404, 503),
    },
)
