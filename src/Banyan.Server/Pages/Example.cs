namespace Banyan.Server.Pages;

/// <summary>An example for the playground: code with a gap.</summary>
/// <param name="Id">Its name in addresses.</param>
/// <param name="Title">Its language; null for the one with text after the gap.</param>
/// <param name="Text">The code, with <see cref="Cursor"/> in it.</param>
sealed record Example(string Id, string? Title, string Text)
{
    /// <summary>Where the gap is, in text that a form sends; typable on every keyboard and no code of any language.</summary>
    public const string Cursor = "<CURSOR>";

    public static readonly IReadOnlyList<Example> All =
    [
        new("csharp", "C#", """
            using System;

            public class Counter
            {
                private readonly string _name;
                private int _count;

                public Counter(string name)
                {
                    if (name == null)
                    {
                        throw new<CURSOR>
            """),
        new("python", "Python", """
            class Point:
                def __init__(self, x, y):
                    self.x<CURSOR>
            """),
        new("gap", null, """
            using System.Collections.Generic;

            public class WordCounter
            {
                private readonly Dictionary<string, int> _counts = new();

                public void Add(string word)
                {
                    <CURSOR>
                }

                public int Count(string word)
                {
                    return _counts[word];
                }
            }
            """),
    ];

    public static Example Find(string? id) => All.FirstOrDefault(e => e.Id == id) ?? All[0];
}
