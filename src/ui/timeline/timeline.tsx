import { Empty } from "../components/notice.tsx";
import type { ViewProps } from "../session/view.ts";

export function Timeline({ session }: ViewProps) {
  return <Empty>{session.name}</Empty>;
}
