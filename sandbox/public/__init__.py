"""The wallet's public side: what customers use, owners and thieves alike."""
