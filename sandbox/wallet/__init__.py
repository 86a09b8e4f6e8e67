"""The wallet company's own rules: postings, holds, resets, what a restricted account may not do."""
