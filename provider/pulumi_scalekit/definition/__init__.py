"""What a connector is: its properties, the rules about them, their normal form, and what differs between two."""
