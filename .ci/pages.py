"Process the notebooks into pages under _proc, as nbdev_docs does before it calls Quarto"
from nbdev.quarto import refresh_quarto_yml
from nbdev.serve import proc_nbs

if __name__ == "__main__":
    refresh_quarto_yml()
    print(proc_nbs(n_workers=2))
