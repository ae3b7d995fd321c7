import { useEffect, useState } from "preact/hooks";
import type { SessionApi } from "../api/connection.ts";
import { Failure } from "../components/notice.tsx";
import { LongText } from "../markdown/markdown.tsx";
import type { Question } from "./questions.ts";
import { type Said, say } from "./say.ts";

export interface AnswersProps {
  readonly session: SessionApi;
  readonly questions: readonly Question[];
}

/** An answer to one question, as its user gave it. */
type Answer =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "approved"; readonly approved: boolean }
  | { readonly kind: "cancelled" };

/**
 * What the agent waits for, with what answers it. An agent wants all its questions answered at once: the run starts with the last
 * answer.
 */
export function Answers({ session, questions }: AnswersProps) {
  const [given, setGiven] = useState<ReadonlyMap<number, Answer>>(new Map());
  const [isSending, setSending] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const asked = questions.map(({ id }) => id).join(" ");
  useEffect(() => setGiven(new Map()), [asked]);
  if (questions.length === 0) return null;

  const answer = async (at: number, one: Answer): Promise<void> => {
    const all = new Map(given).set(at, one);
    setGiven(all);
    if (all.size < questions.length) return;
    setSending(true);
    setError(null);
    try {
      await say(session, saidBy(questions, all));
    } catch (failure) {
      setError(failure);
      setGiven(new Map());
    }
    setSending(false);
  };

  return (
    <section class="questions" aria-label="The agent waits for you">
      {questions.map((question, at) => (
        <QuestionForm
          key={`${question.id} ${at}`}
          question={question}
          isDone={isSending || given.has(at)}
          onAnswer={(one) => void answer(at, one)}
        />
      ))}
      {error !== null && <Failure what="The answer was not sent" error={error} />}
    </section>
  );
}

function QuestionForm({
  question,
  isDone,
  onAnswer,
}: {
  readonly question: Question;
  readonly isDone: boolean;
  readonly onAnswer: (answer: Answer) => void;
}) {
  const [text, setText] = useState("");
  return (
    <form
      class="question notice warn"
      onSubmit={(event) => {
        event.preventDefault();
        onAnswer({ kind: "text", text: text.trim() });
      }}
    >
      {question.kind === "asked" && question.header !== "" && (
        <p class="small quiet">{question.header}</p>
      )}
      <p dir="auto">
        <strong>{question.text}</strong>
      </p>
      {question.kind === "interrupt" && question.details !== null && (
        <details>
          <summary>Details</summary>
          <LongText text={question.details} />
        </details>
      )}
      <div class="row">
        {question.kind === "asked" ? (
          question.options.map(({ label, description }) => (
            <button
              key={label}
              type="button"
              disabled={isDone}
              title={description}
              onClick={() => onAnswer({ kind: "text", text: label })}
            >
              {label}
            </button>
          ))
        ) : (
          <>
            <button
              type="button"
              class="primary"
              disabled={isDone}
              onClick={() => onAnswer({ kind: "approved", approved: true })}
            >
              Approve
            </button>
            <button
              type="button"
              class="danger"
              disabled={isDone}
              onClick={() => onAnswer({ kind: "approved", approved: false })}
            >
              Reject
            </button>
            <button type="button" disabled={isDone} onClick={() => onAnswer({ kind: "cancelled" })}>
              Cancel
            </button>
          </>
        )}
      </div>
      <div class="row">
        <input
          class="grow"
          aria-label={`Answer to: ${question.text}`}
          placeholder={question.kind === "asked" ? "Another answer" : "An answer as text or JSON"}
          dir="auto"
          value={text}
          onInput={({ currentTarget }) => setText(currentTarget.value)}
        />
        <button type="submit" disabled={isDone || text.trim() === ""}>
          Answer
        </button>
      </div>
    </form>
  );
}

/** The run that gives the answers: a message to questions, `resume` to interrupts (LangGraph's own have no id). */
function saidBy(questions: readonly Question[], answers: ReadonlyMap<number, Answer>): Said {
  const pairs = questions.map((question, at) => ({ question, answer: answers.get(at)! }));
  const texts = pairs.flatMap(({ question, answer }) => {
    if (question.kind !== "asked" || answer.kind !== "text") return [];
    const hasOthers = questions.length > 1 && question.header !== "";
    return [hasOthers ? `${question.header}: ${answer.text}` : answer.text];
  });
  const interrupts = pairs.filter(({ question }) => question.kind === "interrupt");
  const named = interrupts.filter(({ question }) => question.id !== "");
  const [unnamed] = interrupts.filter(({ question }) => question.id === "");
  return {
    text: texts.length === 0 ? null : texts.join("\n"),
    ...(texts.length > 0 && { metadata: { type: "ask_user_question_response" } }),
    ...(named.length > 0 && {
      resume: named.map(({ question, answer }) =>
        answer.kind === "cancelled"
          ? { interruptId: question.id, status: "cancelled" }
          : { interruptId: question.id, status: "resolved", payload: payloadOf(answer) },
      ),
    }),
    ...(unnamed && { forwardedProps: { command: { resume: payloadOf(unnamed.answer) } } }),
  };
}

function payloadOf(answer: Answer): unknown {
  if (answer.kind === "approved") return { approved: answer.approved };
  if (answer.kind === "cancelled") return null;
  try {
    return JSON.parse(answer.text);
  } catch {
    return answer.text;
  }
}
