def assign_hands(notes, roll):
    raise NotImplementedError
