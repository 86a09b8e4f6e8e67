"""The hot path of the wallet: placing a restriction, as one statement in the database.

Key lock, receipt, account lock, restriction, sessions, receipt: five statements would be five round trips. Here they
are one call that is its own transaction.
"""

from __future__ import annotations

PLACE_RESTRICTION = """
CREATE OR REPLACE FUNCTION wallet.place_restriction(
    p_key text, p_digest bytea, p_account text, p_restriction text, p_scope text, p_placer text, p_reason text,
    p_expires timestamptz, OUT outcome text, OUT answer text
) LANGUAGE plpgsql AS $$
DECLARE
    former record;
    owner record;
    standing record;
    moment timestamptz;
    posting bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(p_key, 0));
    SELECT digest, body INTO former FROM wallet.receipt WHERE idempotency_key = p_key;
    IF FOUND THEN
        outcome := CASE WHEN former.digest = p_digest THEN 'replayed' ELSE 'idempotency_mismatch' END;
        answer := former.body;
        RETURN;
    END IF;
    -- Whoever moves this account's money holds this lock until commit: afterwards the posting number is exact.
    SELECT status INTO owner FROM wallet.account
        WHERE account_id = p_account AND kind IN ('wallet', 'pooling') FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        outcome := 'account_unknown';
        RETURN;
    END IF;
    IF owner.status = 'closed' THEN
        outcome := 'account_closed';
        RETURN;
    END IF;
    SELECT seq, clock_timestamp() INTO posting, moment FROM wallet.posting_head;
    INSERT INTO wallet.restriction (restriction_id, account_id, scope, placer, reason, placed_at, expires_at)
        VALUES (p_restriction, p_account, p_scope, p_placer, p_reason, moment, p_expires) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        SELECT * INTO standing FROM wallet.restriction WHERE restriction_id = p_restriction;
        IF standing.ended_at IS NOT NULL OR standing.expires_at <= moment THEN
            outcome := 'restriction_ended';
            RETURN;
        END IF;
        IF standing.account_id <> p_account OR standing.scope <> p_scope THEN
            outcome := 'restriction_conflict';
            RETURN;
        END IF;
    END IF;
    IF p_scope = 'full' THEN
        UPDATE wallet.security_entry SET ended_at = moment, ended_by = 'restriction'
            WHERE account_id = p_account AND item IN ('sessions', 'refresh_tokens') AND ended_at IS NULL;
    END IF;
    INSERT INTO wallet.receipt (idempotency_key, digest, body) VALUES (p_key, p_digest, json_build_object(
        'receipt_id', 'rcp-' || replace(gen_random_uuid()::text, '-', ''),
        'idempotency_key', p_key, 'action', 'place_restriction', 'account_id', p_account,
        'effective_seq', posting, 'effective_at', moment,
        'result', json_build_object('restriction_id', p_restriction, 'scope', p_scope)
    )::text) RETURNING body INTO answer;
    outcome := 'done';
END
$$
"""

CALL = "SELECT outcome, answer FROM wallet.place_restriction($1, $2, $3, $4, $5, $6, $7, $8)"
