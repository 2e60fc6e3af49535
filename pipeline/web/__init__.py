"""The dashboard: pages over the published snapshot. Nothing here touches the live store; decisions go to the inbox."""
