"""What a server tells its operators: metrics and logs."""
