"""The releases of one corpus, written: every change of what is in force is one row more.

A row claims the number after the newest one. Who comes second finds the number taken, and decides anew by what is in force
now: so a verdict counts only where it is against what is in force at the moment of the append. Before a row names a
version of an index, the version is pinned; a kill in between leaves a pin that retention removes.
"""

import datetime
from dataclasses import replace

from llmops_pipelines.evaluation.verdicts import VerdictRow
from llmops_pipelines.release.audit import IN_FORCE, Entry
from llmops_pipelines.release.ledger import Ledger, Standing, pin
from llmops_pipelines.release.manifest import Manifest, NotPromotedError, Release, ReleaseError, release_name

ATTEMPTS = 20


class Releases(Ledger):
    """The history of `corpus` in `lake`, which this appends to."""

    def release(self, manifest: Manifest, requested_by: str, reason: str) -> Release:
        """Put `manifest` in force, by the newest verdict on its identity against that of the release in force.

        The release in force stays where it has the same identity. A corpus's first release needs no verdict. Raises
        NotPromotedError where there is no verdict that promotes it, and ReleaseError where its index cannot be opened.
        Where `manifest` names suites, the verdict is to be by these.
        """
        for _ in range(ATTEMPTS):
            entries = self.entries()
            current = self._in_force(entries)
            if current and current.manifest.identity == manifest.identity:
                return current
            verdict = self._promoting_verdict(entries, current, manifest)
            if verdict:
                manifest = replace(
                    manifest,
                    evaluation=verdict.evaluation,
                    suites=verdict.suites,
                    verdict=verdict.verdict,
                    verdict_id=verdict.verdict_id,
                )
            if made := self._append(entries, manifest, "release", requested_by, reason):
                return made
        raise self._contended()

    def repair(self, manifest: Manifest, requested_by: str, reason: str) -> Release:
        """Put what is in force in force from where `manifest` has it: another version of the index, or place of the model.

        Raises ReleaseError where something else is in force: that is no repair.
        """
        for _ in range(ATTEMPTS):
            entries = self.entries()
            current = self._in_force(entries)
            if current is None or current.manifest.identity != manifest.identity:
                raise ReleaseError(
                    f"what is in force of corpus {self.corpus} has another content than the repaired index of "
                    f"{manifest.model_key}: release that, by a verdict"
                )
            proof = {
                name: getattr(current.manifest, name) for name in ("evaluation", "suites", "verdict", "verdict_id")
            }
            manifest = replace(manifest, **proof)
            if made := self._append(entries, manifest, "repair", requested_by, reason, current.origin):
                return made
        raise self._contended()

    def rollback(self, requested_by: str, reason: str, release_id: str | None = None) -> Release:
        """Put an earlier release in force again: `release_id`, or the one before that in force. No vector moves.

        The way back starts where the release in force was made, so that going back twice goes back two releases.
        """
        for _ in range(ATTEMPTS):
            entries = self.entries()
            chosen = self._earlier(self.standings(), release_id)
            if made := self._append(entries, chosen.manifest, "rollback", requested_by, reason, chosen.origin):
                return made
        raise self._contended()

    def withdraw(self, requested_by: str, reason: str, release_id: str | None = None) -> Release:
        """Never serve a content again: that of `release_id`, or what is in force. Returns the row that says so.

        Where it was in force, the newest valid release that is not withdrawn is so again. The same content can be released
        by a verdict made afterwards.
        """
        if not reason.strip():
            raise ReleaseError("a withdrawal needs a reason: say what is wrong with the release")
        for _ in range(ATTEMPTS):
            entries = self.entries()
            chosen = self._unwithdrawn(entries, release_id)
            made = self._append(entries, chosen.manifest, "withdrawal", requested_by, reason, chosen.origin)
            if made:
                restored = self.in_force()
                if restored:
                    self.lake.tag(self.open_index(restored), pin(restored.manifest))
                return made
        raise self._contended()

    def _promoting_verdict(
        self, entries: list[Entry], current: Release | None, manifest: Manifest
    ) -> VerdictRow | None:
        verdict = self.verdicts.of(manifest.identity, current.manifest.identity if current else None)
        against = f"{current.release_id}, which is in force" if current else "nothing in force"
        judge = f"run the job {self.corpus}_candidate for {manifest.model_key}, then {self.corpus}_promote"
        if verdict is None:
            if not entries:
                return None
            raise NotPromotedError(
                f"there is no verdict on this index of {manifest.model_key} against {against}: {judge}"
            )
        if manifest.suites not in (None, verdict.suites):
            raise NotPromotedError(f"{manifest.model_key} was judged by other suites than those of today: {judge}")
        if not verdict.promotes:
            raise NotPromotedError(f"{verdict.verdict} against {against}: {verdict.reason}")
        if current is None and entries and verdict.at <= entries[-1].release.at:
            raise NotPromotedError(f"{manifest.model_key} has not been judged since nothing is in force: {judge}")
        withdrawn = [e.release for e in entries if e.release.action == "withdrawal"]
        for row in withdrawn:
            if row.manifest.identity == manifest.identity and verdict.at <= row.at:
                raise NotPromotedError(
                    f"this index of {manifest.model_key} was withdrawn by {row.release_id} ({row.reason}), and has not been "
                    f"judged since: {judge}"
                )
        return verdict

    def _earlier(self, standings: list[Standing], release_id: str | None) -> Release:
        """What to go back to. The newest row with a content stands for it: it may be its repair."""
        current = next((standing.release for standing in standings if standing.in_force), None)
        in_force = current.manifest.identity if current else None
        nameable = [s.release for s in standings if s.nameable and s.release.manifest.identity != in_force]
        if not standings:
            raise ReleaseError(
                f"corpus {self.corpus} has no release to go back from: materialise {self.corpus}/release"
            )
        named = next((s for s in standings if s.release.release_id == release_id), None)
        if release_id:
            wanted = named.release.manifest.identity if named and named.release.action in IN_FORCE else None
            chosen = [release for release in nameable if release.manifest.identity == wanted]
        else:
            chosen = [release for release in nameable if current and release.sequence < current.origin]
        if chosen:
            return chosen[-1]
        missing = f"no earlier release {release_id}" if release_id else "no earlier release with another content"
        why = f" ({named.state})" if named and named.state else ""
        known = ", ".join(release.release_id for release in nameable) or "none"
        raise ReleaseError(f"corpus {self.corpus} has {missing} to go back to{why}; those that it has are {known}")

    def _unwithdrawn(self, entries: list[Entry], release_id: str | None) -> Release:
        if release_id is None:
            current = self._in_force(entries)
            if current is None:
                raise ReleaseError(f"corpus {self.corpus} has no release in force to withdraw")
            return current
        candidates = [entry.release for entry in entries if entry.release.action in IN_FORCE and not entry.withdrawn_by]
        for release in candidates:
            if release.release_id == release_id:
                return release
        known = ", ".join(release.release_id for release in candidates) or "none"
        raise ReleaseError(
            f"corpus {self.corpus} has no release {release_id} that is not withdrawn; those that it has are {known}"
        )

    def _append(
        self,
        entries: list[Entry],
        manifest: Manifest,
        action: str,
        requested_by: str,
        reason: str,
        about: int | None = None,
    ) -> Release | None:
        """The row after `entries`; None where somebody else has appended meanwhile."""
        last = entries[-1].release if entries else None
        sequence = last.sequence + 1 if last else 1
        row = Release(
            release_id=release_name(sequence),
            sequence=sequence,
            at=datetime.datetime.now(datetime.UTC),
            action=action,
            about=about,
            requested_by=requested_by,
            reason=reason,
            manifest=manifest,
            previous=last.digest if last else "",
        )
        row = replace(row, digest=row.content_digest)
        named = f"the index of {manifest.model_key} for release {row.release_id}"
        if action in IN_FORCE:
            self.lake.tag(self._open(manifest, named), pin(manifest))
        if not self._rows.insert(row.row):
            return None
        if action in IN_FORCE:
            # Retention may have taken the pin off before it could see the row: it is put on again, or the row is void.
            self.lake.tag(self._open(manifest, named), pin(manifest))
        return row

    def _contended(self) -> ReleaseError:
        return ReleaseError(
            f"the releases of corpus {self.corpus} were changed {ATTEMPTS} times while this one was to be appended: "
            "look at `llmops releases`, and ask again"
        )
