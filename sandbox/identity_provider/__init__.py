"""Another company of this world: looks at documents and faces, and tells by signed callbacks."""
