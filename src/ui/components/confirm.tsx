import { useLayoutEffect, useRef } from "preact/hooks";

export interface ConfirmProps {
  readonly question: string;
  readonly explanation: string;
  /** What the button says that does it. */
  readonly yes: string;
  readonly onYes: () => void;
  readonly onNo: () => void;
}

/** Asks before something that cannot be undone. Escape is a no, and so is what has the focus first. */
export function Confirm({ question, explanation, yes, onYes, onNo }: ConfirmProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog
      ref={dialog}
      aria-labelledby="confirm-question"
      onCancel={(event) => {
        event.preventDefault();
        onNo();
      }}
    >
      <h2 id="confirm-question">{question}</h2>
      <p>{explanation}</p>
      <p class="row">
        <button type="button" autofocus onClick={onNo}>
          Keep it
        </button>
        <button type="button" class="danger" onClick={onYes}>
          {yes}
        </button>
      </p>
    </dialog>
  );
}
